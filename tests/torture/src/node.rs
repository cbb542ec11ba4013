//! A made-up Proxmox node in place of the simulated host, and what has become of it, as it lies there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use phoenix_fake_proxmox::{Settings, StorageSetting};
use phoenix_testkit::pve::PveNode;
use phoenix_testkit::worker::Start;
use serde_json::{Value, json};

use crate::invariants::Breach;
use crate::reading::text;

/// The guest of the example that is made on it.
pub(crate) const GUEST: u32 = 930;
/// What must not come to its end a second time.
const ONCE: [&str; 3] = ["create", "clone", "snapshot"];

/// Gives its secret away in every way a script can, and fails once.
const BLABS: &str = "#!/bin/sh\nset -eu\nmkdir -p /opt\np=$PHOENIX_SECRETS/postgresql_password\n\
    sha256sum <\"$p\" >/opt/seen\ncat \"$p\"\necho \"it is $(cat \"$p\")\" >&2\n\
    [ -e /opt/tried ] || { touch /opt/tried; echo \"no: $(cat \"$p\")\" >&2; exit 75; }\n";

/// A made-up node, and where the secrets of its guests are.
pub(crate) struct Node {
    pub(crate) pve: PveNode,
    secrets: PathBuf,
}

impl Node {
    /// Makes one for `examples/postgresql`, whose files are put into this folder.
    pub(crate) fn with_a_secret(folder: &Path, secrets: &Path) -> Self {
        let storage = |name: &str, kind: &str| StorageSetting {
            name: name.into(),
            kind: kind.into(),
            gib: 4096,
        };
        let pve = PveNode::new(&Settings {
            node: "pve1".to_owned(),
            storages: vec![
                storage("tank-ct-disks", "zfspool"),
                storage("tank-ct-volumes", "zfspool"),
                storage("tank-library", "dir"),
            ],
            bridges: vec!["vmbr0".to_owned()],
            ..Settings::default()
        });
        pve.holds("tank-library", "vztmpl");
        pve.archive(
            "/var/lib/tank-library/template/cache/ubuntu-24.04-standard_24.04-2_amd64.tar.zst",
        );
        pve.feature("base_setup");
        for script in ["install", "check"] {
            pve.write("features", &format!("postgresql/{script}.sh"), BLABS);
        }
        let asks = r#"{ "secrets": ["postgresql_password"] }"#;
        pve.write("features", "postgresql/feature.json", asks);
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/postgresql");
        for entry in fs::read_dir(example).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
        }
        // Nothing serves in it.
        let file = folder.join("phoenix_lxc_configs.json");
        let written = fs::read_to_string(&file).unwrap();
        let lines = written.lines().filter(|line| !line.trim_start().starts_with("//"));
        let mut guests: Value = serde_json::from_str(&lines.collect::<String>()).unwrap();
        guests["lxc_configs"][GUEST.to_string()]["health_check"] = json!({ "command": "true" });
        fs::write(file, guests.to_string()).unwrap();
        Self { pve, secrets: secrets.to_owned() }
    }

    /// Describes a worker that is on it.
    pub(crate) fn with(&self, start: Start) -> Start {
        let node = self.pve.node();
        let path = |path: &Path| path.display().to_string();
        start
            .with(&["--host", "proxmox", "--host-root", &path(&node.root)])
            .with(&["--features", &path(&node.library.features[0])])
            .with(&["--scripts", &path(&node.library.scripts[0])])
            .with(&["--profiles", &path(&node.library.profiles[0])])
            .with(&["--secrets-file", &path(&self.secrets)])
            .with(&["--state-dir", &path(&node.state_dir), "--run-dir", &path(&node.run_dir)])
    }

    /// Returns the command lines of `pct` that were begun, or came to their end.
    pub(crate) fn told(&self, event: &str) -> Vec<Vec<String>> {
        let ledger =
            fs::read_to_string(self.pve.world.at("/fake/ledger.jsonl")).unwrap_or_default();
        let lines = ledger.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let of_pct =
            lines.filter(|line| text(line, "/program") == "pct" && text(line, "/event") == event);
        let words = |line: Value| {
            let words =
                line.pointer("/argv").and_then(Value::as_array).cloned().unwrap_or_default();
            words.iter().filter_map(|word| Some(word.as_str()?.to_owned())).collect()
        };
        of_pct.map(words).collect()
    }

    /// Returns what is not as it should be once all is done.
    pub(crate) fn broken(&self) -> Vec<Breach> {
        let mut breaches = Vec::new();
        let conf = self.pve.world.at(&format!("/etc/pve/lxc/{GUEST}.conf"));
        match fs::read_to_string(&conf) {
            Err(err) => breaches.push(Breach::of("I-13", format!("{}: {err}", conf.display()))),
            Ok(text) if text.lines().any(|line| line.starts_with("lock:")) => {
                breaches.push(Breach::of("I-13", format!("{GUEST} is locked for good")));
            }
            Ok(_) => {}
        }
        let mut times = BTreeMap::new();
        for words in self.told("ended") {
            if ONCE.contains(&words.first().map_or("", String::as_str)) {
                *times.entry(words.join(" ")).or_insert(0) += 1;
            }
        }
        let twice = times.into_iter().filter(|(_, times)| *times > 1);
        breaches.extend(twice.map(|(line, _)| Breach::of("I-5", format!("pct {line} twice"))));
        breaches
    }
}
