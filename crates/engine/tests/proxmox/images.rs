//! Cloud images come over HTTP, once, whole, and only what was asked for.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use phoenix_domain::{GuestSpec, Nic, Origin, Verdict};
use phoenix_engine::Outcome;
use phoenix_testkit::machine;
use phoenix_testkit::pve::archive;
use sha2::{Digest as _, Sha256};

use crate::host::{Site, site};

/// A publisher of one image, and what it was asked: the first line, and where to begin.
struct Publisher {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Publisher {
    fn of(image: Vec<u8>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}/tiny.img", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let heard = Arc::clone(&asked);
        thread::spawn(move || {
            for client in listener.incoming() {
                serve(client.unwrap(), &image, &heard);
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

fn serve(mut client: TcpStream, image: &[u8], heard: &Mutex<Vec<String>>) {
    let mut from = 0;
    let mut first = String::new();
    for line in BufReader::new(client.try_clone().unwrap()).lines() {
        let line = line.unwrap();
        if let Some(range) = line.strip_prefix("Range: bytes=") {
            from = range.trim_end_matches('-').parse().unwrap();
        }
        if first.is_empty() {
            first.clone_from(&line);
        }
        if line.is_empty() {
            break;
        }
    }
    heard.lock().unwrap().push(format!("{first} from {from}"));
    let (rest, whole) = (&image[from..], image.len());
    let status = if from == 0 { "200 OK" } else { "206 Partial Content" };
    let range = format!("Content-Range: bytes {from}-{}/{whole}\r\n", whole - 1);
    let length = rest.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{range}Connection: close\r\n\r\n"
    );
    // Who hangs up in the middle does.
    drop(client.write_all(answer.as_bytes()).and_then(|()| client.write_all(rest)));
}

fn image() -> Vec<u8> {
    fs::read(archive()).unwrap()
}

fn digest(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

fn of(vmid: u64, publisher: &Publisher, digest: &str) -> GuestSpec {
    let image = format!("{}#sha256={digest}", publisher.url).into();
    let spec = machine(vmid).storage("fast").disk(4).build();
    GuestSpec { origin: Origin::CloudImage { image }, ..spec }
}

fn kept(site: &Site, digest: &str, name: &str) -> PathBuf {
    site.pve.node().state_dir.join("images").join(digest).join(name)
}

#[tokio::test]
async fn an_image_is_fetched_once_for_all_machines() {
    let (site, image) = (site(), image());
    let publisher = Publisher::of(image.clone());
    let digest = digest(&image);

    for vmid in [8000, 8001] {
        site.arrive(&of(vmid, &publisher, &digest)).await;
    }

    assert_eq!(publisher.asked(), ["GET /tiny.img HTTP/1.1 from 0"]);
    assert_eq!(fs::read(kept(&site, &digest, "tiny.img")).unwrap(), image);
}

#[tokio::test]
async fn a_download_that_was_cut_off_goes_on_where_it_stood() {
    let (site, image) = (site(), image());
    let publisher = Publisher::of(image.clone());
    let digest = digest(&image);
    let part = kept(&site, &digest, "tiny.img.part");
    fs::create_dir_all(part.parent().unwrap()).unwrap();
    fs::write(&part, &image[..1000]).unwrap();

    site.arrive(&of(8000, &publisher, &digest)).await;

    assert_eq!(publisher.asked(), ["GET /tiny.img HTTP/1.1 from 1000"]);
    assert!(!part.exists());
}

#[tokio::test]
async fn what_is_not_what_was_asked_for_is_thrown_away_and_makes_no_machine() {
    let (site, image) = (site(), image());
    let publisher = Publisher::of(image.clone());
    let other = digest(b"another image");

    let outcome = site.walk(&of(8000, &publisher, &other)).await;

    let Outcome::Stuck { err, .. } = outcome else { unreachable!("{outcome:?}") };
    // What the operator wrote stays as it is, however often it is fetched.
    assert_eq!((err.verdict(), publisher.asked().len()), (Verdict::GiveUp, 1));
    let said = format!("{err:?}");
    assert!(said.contains(&other) && said.contains(&digest(&image)), "{said}");
    assert!(!kept(&site, &other, "tiny.img.part").exists());
    assert!(!kept(&site, &other, "tiny.img").exists());
    assert!(site.pve.machine(8000).is_none() && site.volumes().is_empty());
}

#[tokio::test]
async fn what_a_machine_needs_and_the_node_has_not_is_said_before_anything_is_made() {
    let site = site();
    let spec = machine(8000).storage("fast").disk(4).build();
    let image = Origin::CloudImage { image: "local:iso/nowhere.img".into() };
    let nic = Nic {
        name: None,
        bridge: "vmbr7".parse().unwrap(),
        address: "dhcp".parse().unwrap(),
        gateway: None,
        mac: None,
        nameservers: Vec::new(),
    };
    for (spec, missing) in [
        (GuestSpec { origin: image, ..spec.clone() }, "/var/lib/vz/template/iso/nowhere.img"),
        (GuestSpec { nics: vec![nic], ..spec }, "it has vmbr0"),
    ] {
        let outcome = site.walk(&spec).await;

        let Outcome::Stuck { err, .. } = outcome else { unreachable!("{outcome:?}") };
        assert_eq!(err.verdict(), Verdict::GiveUp);
        let said = format!("{err:?}");
        assert!(said.contains(missing), "{said}");
        assert!(site.pve.machine(8000).is_none() && site.volumes().is_empty());
    }
}
