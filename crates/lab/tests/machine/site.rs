//! A machine to ask, and what is asked of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use phoenix_domain::GuestSpec;
use phoenix_hypervisor::agent::{Agent, Ended, HowEnded, Pid};
use phoenix_hypervisor::seed::Seed;
use phoenix_lab::machine::{Kit, Machine};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(100);

/// A machine that runs, in a folder of its own.
pub(crate) struct Site {
    pub(crate) machine: Machine,
    _folder: TempDir,
}

/// Returns the folder with what machines are made of, and with a system to read seeds in.
pub(crate) fn kit() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "a test has no main to be handed this by")]
    let said = std::env::var_os("PHOENIX_MACHINE_KIT");
    let help = "PHOENIX_MACHINE_KIT is not set: run `cargo xtask test`";
    PathBuf::from(said.unwrap_or_else(|| panic!("{help}")))
}

/// Returns what is wanted of a machine, with this said differently.
pub(crate) fn spec(other: &Value) -> GuestSpec {
    let mut spec = json!({
        "vmid": 8001, "name": "docker-vm-01", "node": null, "seal": null, "cores": 1, "memory": 512,
        "origin": { "cloud_image": { "image": "debian-12-genericcloud-amd64.qcow2" } },
        "root_disk": { "storage": "local", "size": 8 },
        "nics": [{ "name": null, "bridge": "vmbr0", "address": "10.0.0.45/24", "gateway": "10.0.0.1",
            "mac": "52:54:00:AA:BB:CC", "nameservers": ["10.0.0.13"] }],
        "boot": { "at_boot": false, "order": null, "delay": null },
        "features": [], "application_script": null, "gpus": "none", "volumes": [], "ports": [],
        "firewall": { "enabled": false, "rules": [] }, "checks": [], "tests": {}, "dependencies": [],
        "model_server": null, "route": null,
        "body": { "machine": { "before_features": null, "after_features": null, "user": {
            "name": "phoenix_user", "password_hash": null,
            "ssh_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPi1VZrQ3V2wqZ0o2d1oZyHk7bqX0l0XG9cU1m2v4w8K"
        } } },
    });
    for (key, value) in other.as_object().unwrap() {
        spec.as_object_mut().unwrap().insert(key.clone(), value.clone());
    }
    serde_json::from_value(spec).unwrap()
}

impl Site {
    /// Boots a machine of this name, and waits until it can be asked.
    pub(crate) async fn boot(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let seed = Seed::of(&spec(&json!({ "name": name })), None, None).unwrap();
        let kit = Kit::at(&kit()).unwrap_or_else(|err| panic!("{err}: {:?}", err.advice()));
        let machine = Machine::boot(&kit, &seed, folder.path()).unwrap();
        let mut site = Self { machine, _folder: folder };
        site.await_agent().await;
        site
    }

    /// Waits until the agent answers.
    pub(crate) async fn await_agent(&mut self) {
        let begun = Instant::now();
        while let Err(err) = self.machine.agent().ping().await {
            let is_on = self.machine.is_on();
            assert!(is_on && begun.elapsed() < PATIENCE, "{err}\n{}", self.machine.said());
            sleep(LOOK).await;
        }
    }

    /// Waits until an agent answers that is not the one of this number.
    pub(crate) async fn await_other_agent(&self, number: &[u8]) {
        let agent = self.agent().patient(Duration::from_secs(2));
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < PATIENCE, "it is the same agent\n{}", self.machine.said());
            sleep(LOOK).await;
            let Ok(pid) = agent.exec("/bin/pidof", &["qemu-ga"], b"").await else { continue };
            while let Ok(ended) = agent.ended(pid).await {
                match ended {
                    Some(ended) if ended.stdout.trim_ascii() != number => return,
                    Some(_) => break,
                    None => sleep(LOOK).await,
                }
            }
        }
    }

    pub(crate) fn agent(&self) -> Agent {
        self.machine.agent()
    }

    /// Runs something in the guest to its end.
    pub(crate) async fn sh(&self, script: &str) -> Ended {
        let pid = self.agent().exec("/bin/sh", &["-c", script], b"").await.unwrap();
        ended(&self.agent(), pid).await
    }

    /// Returns what something in the guest prints, which ends well.
    pub(crate) async fn prints(&self, script: &str) -> String {
        let ended = self.sh(script).await;
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.how, HowEnded::Code(0), "{script}: {said}");
        String::from_utf8(ended.stdout).unwrap().trim().to_owned()
    }
}

/// Waits until a program in the guest has ended.
pub(crate) async fn ended(agent: &Agent, pid: Pid) -> Ended {
    let begun = Instant::now();
    loop {
        if let Some(ended) = agent.ended(pid).await.unwrap() {
            return ended;
        }
        assert!(begun.elapsed() < PATIENCE, "{pid:?} does not end");
        sleep(LOOK).await;
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what} does not happen");
        sleep(LOOK).await;
    }
}

/// Returns a path as text.
pub(crate) fn text(path: &Path) -> String {
    path.display().to_string()
}
