//! A secret is in no list of processes, environment, log, event, bucket, letter or file, whatever is
//! done with it, but for where the operator keeps it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use serde_json::json;

use super::site::Site;

/// Gives its secret away in every way a script can: on both ends, as its last word, line by line, and
/// to whoever traces it.
pub(super) const BLABS: &str = "#!/bin/sh\nset -eu\nmkdir -p /opt\np=$PHOENIX_SECRETS/postgresql_password\n\
    sha256sum <\"$p\" >>/opt/seen\ncat \"$p\"\necho\necho \"it is $(cat \"$p\"), twice: $(cat \"$p\")\"\n\
    set -x\nv=$(cat \"$p\")\nset +x\n[ -e /opt/tried ] || { touch /opt/tried; echo \"no: $v\" >&2; exit 75; }\n";

/// As many bytes of a file as are looked at; what is longer is an image of somebody's disk.
const LONGEST: u64 = 32 << 20;

#[tokio::test]
async fn a_secret_is_nowhere_but_where_it_is_kept() {
    let site = Site::of("examples/postgresql").await;
    site.pve.archive(
        "/var/lib/tank-library/template/cache/ubuntu-24.04-standard_24.04-2_amd64.tar.zst",
    );
    let kept = tempfile::tempdir().unwrap();
    let file = kept.path().join("secrets.json");
    // Not in this program, and so in no file of its build.
    let values = ["first", "second"].map(|nth| format!("{nth}-{}", uuid::Uuid::new_v4()));
    let keep = |value: &str| {
        fs::write(&file, json!({ "phoenix/prod/postgresql": { "password": value } }).to_string())
            .unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    };
    keep(&values[0]);
    site.pve.feature("base_setup");
    site.pve.write("features", "postgresql/install.sh", BLABS);
    site.pve.write("features", "postgresql/check.sh", BLABS);
    let asks = r#"{ "secrets": ["postgresql_password"] }"#;
    site.pve.write("features", "postgresql/feature.json", asks);
    site.pve.script("blab.sh", BLABS);
    site.change(|guests| {
        guests["930"]["application_script"] = "blab.sh".into();
        guests["930"]["health_check"] = json!({ "command": "true" });
    });
    let watch = Watch::over(&values);
    let secrets = file.display().to_string();
    let worker = site.worker_with("a", &["--drift-every", "0", "--secrets-file", &secrets]);

    // Built, with a failure on the way; then another value; then one that is refused for good.
    let mut told = vec![site.ok(&["submit", "930", "--host", "pve1"]).await];
    keep(&values[1]);
    site.insist().await;
    let seen = fs::read_to_string(
        site.pve.world.at(&format!("/proc/{}/root/opt/seen", site.pve.world.pid(930).unwrap())),
    )
    .unwrap();
    assert_eq!(seen.lines().collect::<BTreeSet<_>>().len(), 2, "both values were given: {seen}");
    site.pve.script(
        "blab.sh",
        &BLABS.replace("exit 75", "exit 78").replace("/opt/tried", "/opt/never"),
    );
    told.push(site.phoenix(&["submit", "930", "--host", "pve1"]).await);
    for args in [&["status", "930"][..], &["status", "-o", "json"], &["plan", "930"], &["drift"]] {
        told.push(site.phoenix(args).await);
    }

    let mut hits = watch.end();
    let states = site.inner.bus.states().await.unwrap();
    let mut said = format!("{told:?}\n{states:?}\n{}", worker.log());
    for guest in states.into_keys() {
        write!(said, "{:?}", site.inner.bus.history(guest).await.unwrap()).unwrap();
    }
    write!(said, "{:?}", site.inner.bus.dead_letters().await.unwrap()).unwrap();
    assert!(said.contains("it is ***, twice: ***"), "it was said, and hidden: {said}");
    hits.extend(
        values.iter().filter(|value| said.contains(*value)).map(|_| "what was said".to_owned()),
    );
    drop(worker);
    for folder in ["/dev/shm", "/run", "/tmp", "/var/lib", "/var/log", "/var/tmp"] {
        search(Path::new(folder), &values, kept.path(), &mut hits);
    }
    assert_eq!(hits, [""; 0], "the secret is there");
}

/// Looks at every process of the machine, again and again.
struct Watch {
    is_over: Arc<AtomicBool>,
    eyes: JoinHandle<BTreeSet<String>>,
}

impl Watch {
    fn over(values: &[String; 2]) -> Self {
        let (is_over, values) = (Arc::new(AtomicBool::new(false)), values.clone());
        let flag = Arc::clone(&is_over);
        let eyes = std::thread::spawn(move || {
            let mut hits = BTreeSet::new();
            while !flag.load(Ordering::Relaxed) {
                for entry in fs::read_dir("/proc").unwrap().flatten() {
                    for what in ["cmdline", "environ"] {
                        let path = entry.path().join(what);
                        let text = fs::read(&path).unwrap_or_default();
                        if values.iter().any(|value| holds(&text, value)) {
                            let name = fs::read_to_string(entry.path().join("comm"));
                            hits.insert(format!("{what} of {}", name.unwrap_or_default().trim()));
                        }
                    }
                }
            }
            hits
        });
        Self { is_over, eyes }
    }

    fn end(self) -> Vec<String> {
        self.is_over.store(true, Ordering::Relaxed);
        self.eyes.join().unwrap().into_iter().collect()
    }
}

/// Adds the files below a folder that hold one of the values.
fn search(folder: &Path, values: &[String; 2], except: &Path, hits: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, Ok(metadata)) = (entry.path(), entry.metadata()) else { continue };
        if path == except || is_of_the_kernel(&path) {
            continue;
        }
        if metadata.is_dir() {
            search(&path, values, except, hits);
        } else if metadata.is_file() && metadata.len() <= LONGEST {
            let text = fs::read(&path).unwrap_or_default();
            if values.iter().any(|value| holds(&text, value)) {
                hits.push(path.display().to_string());
            }
        }
    }
}

/// Says whether a path leads into what is no file: a made-up node has a `/proc`, too.
fn is_of_the_kernel(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "proc")
}

fn holds(text: &[u8], value: &str) -> bool {
    memchr::memmem::find(text, value.as_bytes()).is_some()
}
