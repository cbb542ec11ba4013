//! Others, at the same targets.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::targets::Targets;
use super::{Row, process};

/// How long each is measured.
const TIME: Duration = Duration::from_secs(15);

struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn start(program: &Path, args: &[&str]) -> Result<Peer, String> {
    #[expect(clippy::disallowed_methods, reason = "a peer is a process")]
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map(Peer).map_err(|err| format!("{}: {err}", program.display()))
}

/// Asked for one probe after the other, by eight who wait for the answer.
pub(crate) fn blackbox(kit: &Path, targets: &Targets) -> Result<Row, String> {
    let folder = tempfile::tempdir().map_err(|err| err.to_string())?;
    let config = folder.path().join("blackbox.yml");
    let modules =
        "modules: {page: {prober: http, timeout: 5s, http: {preferred_ip_protocol: ip4}}}";
    fs::write(&config, modules).map_err(|err| err.to_string())?;
    // It cannot be told to take any port and to say which.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|taken| taken.local_addr());
    let port = port.map_err(|err| err.to_string())?.port();
    let peer = start(
        &kit.join("usr/bin/prometheus-blackbox-exporter"),
        &[
            &format!("--config.file={}", config.display()),
            &format!("--web.listen-address=127.0.0.1:{port}"),
            "--log.level=error",
        ],
    )?;
    let path = format!("/probe?module=page&target=http://127.0.0.1:{}/healthz", targets.page);
    let question = format!("GET {path} HTTP/1.0\r\nhost: localhost\r\n\r\n");
    let ask = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.write_all(question.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.contains("probe_success 1").then_some(())
    };
    let begun = Instant::now();
    while ask().is_none() {
        if begun.elapsed() > TIME {
            return Err("blackbox_exporter does not answer".into());
        }
    }
    let before = process::cpu(peer.0.id());
    let (begun, asked) = (Instant::now(), AtomicU32::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while begun.elapsed() < TIME {
                    ask().expect("blackbox_exporter finds the page");
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let asked = f64::from(asked.load(Ordering::Relaxed));
    let cpu = (process::cpu(peer.0.id()) - before) / asked * 10_000.0;
    let rate = Some(asked / begun.elapsed().as_secs_f64());
    let mib = process::peak(peer.0.id());
    Ok(Row { name: "prometheus-blackbox-exporter, a page".into(), cpu, rate, mib, late: None })
}

/// Goes through its list again and again, one after the other; a count of its own target says how far.
pub(crate) fn monit(kit: &Path, _: &Targets) -> Result<Row, String> {
    let folder = tempfile::tempdir().map_err(|err| err.to_string())?;
    let config = folder.path().join("monitrc");
    let place = folder.path().display();
    let mut text = format!(
        "set daemon 1\nset pidfile {place}/pid\nset idfile {place}/id\nset statefile {place}/state\n\
         set log {place}/log\n"
    );
    let counted = counter().map_err(|err| err.to_string())?;
    let port = counted.port;
    for number in 0..1000 {
        // Writing to a string does not fail.
        write!(
            text,
            "check host h{number} with address 127.0.0.1\n  if failed port {port} protocol http \
             request \"/healthz\" then alert\n"
        )
        .ok();
    }
    fs::write(&config, text).map_err(|err| err.to_string())?;
    // It reads no file that others may read.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&config, mode).map_err(|err| err.to_string())?;
    let path = config.display().to_string();
    let peer = start(&kit.join("usr/bin/monit"), &["-I", "-c", &path])?;
    let begun = Instant::now();
    while counted.count.load(Ordering::Relaxed) < 1000 {
        if begun.elapsed() > TIME * 4 {
            return Err("monit does not check".into());
        }
        thread::sleep(Duration::from_millis(50));
    }
    let (before, first) = (process::cpu(peer.0.id()), counted.count.load(Ordering::Relaxed));
    let begun = Instant::now();
    thread::sleep(TIME);
    let asked = f64::from(counted.count.load(Ordering::Relaxed) - first);
    let cpu = (process::cpu(peer.0.id()) - before) / asked * 10_000.0;
    let rate = Some(asked / begun.elapsed().as_secs_f64());
    let mib = process::peak(peer.0.id());
    Ok(Row { name: "monit, a page, one after the other".into(), cpu, rate, mib, late: None })
}

struct Counter {
    port: u16,
    count: Arc<AtomicU32>,
}

/// Answers as the page does, and counts.
fn counter() -> std::io::Result<Counter> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let count = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&count);
    // It ends with the program.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            if stream.read(&mut [0; 1024]).is_err() {
                continue;
            }
            let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3\r\n\r\nok\n";
            if stream.write_all(answer).is_ok() {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    Ok(Counter { port, count })
}
