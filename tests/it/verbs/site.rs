//! A real worker on a simulated host, and a small fleet: 900 that 920 and 953 are cloned from, and
//! 950 that is cloned from 920, depends on 953 and has a volume.

use std::fs;
use std::time::Duration;

use phoenix_bus::Question;
use phoenix_domain::{GuestKey, Standing};
use phoenix_testkit::host::Mark;
use phoenix_testkit::worker::{Start, Worker};
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Ended, phoenix_program, phoenix_with, repository};
use crate::survive::site::{self, lxc};

/// A server, a simulated host, workers for it, and a folder with a fleet.
pub(crate) struct Site {
    pub(crate) inner: site::Site,
    folder: TempDir,
}

impl Site {
    /// Makes one; nothing was asked for yet, and no worker is there.
    pub(crate) async fn new() -> Self {
        let site = Self::over(site::Site::new().await);
        site.write(512, 20);
        site
    }

    /// Makes one of what is there, with an empty folder.
    pub(crate) fn over(inner: site::Site) -> Self {
        Self { inner, folder: TempDir::new().unwrap() }
    }

    /// Makes one where 950 and all it stands on is complete.
    pub(crate) async fn complete() -> (Self, Worker) {
        let site = Self::new().await;
        let worker = site.worker();
        site.ok(&["submit", "950"]).await;
        (site, worker)
    }

    /// Starts a worker that looks for drift only when it is asked.
    pub(crate) fn worker(&self) -> Worker {
        self.inner.worker_with("a", "run", &["--drift-every", "0"])
    }

    /// Has a worker end, and waits until that is known.
    pub(crate) async fn end(&self, mut worker: Worker) {
        worker.ask_to_end();
        assert!(worker.ended().await.success());
        while self.json(&["nodes"]).await.pointer("/nodes/0/isAlive") != Some(&false.into()) {}
    }

    /// Waits until a worker answers.
    pub(crate) async fn until_it_answers(&self) {
        let (bus, host) = (&self.inner.bus, "pve1".parse().unwrap());
        while bus.question(&host, &Question::Hello, Duration::from_secs(2)).await.is_err() {
            tokio::task::yield_now().await;
        }
    }

    /// Writes the configuration, with this memory and this volume for 950.
    pub(crate) fn write(&self, memory: u32, volume: u32) {
        let host = repository("tests/fixtures/rules/host.json");
        fs::copy(host, self.folder.path().join("phoenix_hypervisor_config.json")).unwrap();
        let common = r#""storage_pool": "tank-lxc", "storage_size_gb": 8, "node": "pve1""#;
        let lxc = format!(
            r#"{{"lxc_configs": {{
  "900": {{ "name": "base", "template": "debian.tar.zst", "template_snapshot_name": "base-snapshot", {common} }},
  "920": {{ "name": "mid", "clone_from_ctid": "900", "template_snapshot_name": "mid-snapshot", {common} }},
  "953": {{ "name": "gateway", "clone_from_ctid": "900", {common} }},
  "950": {{ "name": "app", "clone_from_ctid": "920", "dependencies": ["953"], "memory_mb": {memory}, {common},
    "volumes": [{{ "name": "data", "pool": "tank-lxc", "size_gb": {volume}, "mount_point": "/var/lib/data" }}] }}
}}}}"#
        );
        fs::write(self.folder.path().join("phoenix_lxc_configs.json"), lxc).unwrap();
    }

    /// Has the host's file say this of webhooks.
    pub(crate) fn write_webhooks(&self, webhooks: &Value) {
        let file = self.folder.path().join("phoenix_hypervisor_config.json");
        let mut host: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        host.as_object_mut().unwrap().insert("webhooks".to_owned(), webhooks.clone());
        fs::write(file, format!("{host:#}")).unwrap();
    }

    /// Returns the folder with the configuration.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Runs `phoenix` to its end.
    pub(crate) async fn phoenix(&self, args: &[&str]) -> Ended {
        self.phoenix_of("kim", args).await
    }

    /// Starts `phoenix`, and returns what it will say until it ends.
    pub(crate) fn started(&self, name: &str, args: &[&str]) -> Worker {
        let start = Start::new(&phoenix_program(), &self.folder.path().join(name)).with(args);
        start.told("NATS_URL", &self.inner.server.url()).told("USER", "kim").go()
    }

    /// Runs `phoenix` as this user to its end.
    pub(crate) async fn phoenix_of(&self, user: &str, args: &[&str]) -> Ended {
        let user = user.to_owned();
        let (folder, url) = (self.folder.path().to_owned(), self.inner.server.url());
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let run = move || {
            let args: Vec<_> = args.iter().map(String::as_str).collect();
            phoenix_with(&folder, &args, &[("NATS_URL", &url), ("USER", &user)])
        };
        tokio::task::spawn_blocking(run).await.unwrap()
    }

    /// Runs `phoenix`, which ends well.
    pub(crate) async fn ok(&self, args: &[&str]) -> Ended {
        let ended = self.phoenix(args).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        ended
    }

    /// Returns what `phoenix` prints as JSON, whatever its exit code says.
    pub(crate) async fn json(&self, args: &[&str]) -> Value {
        let ended = self.phoenix(&[args, &["-o", "json"]].concat()).await;
        serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("no JSON: {ended:?}"))
    }

    /// Returns how a guest is, as `phoenix status` has it.
    pub(crate) async fn state(&self, guest: &str) -> Value {
        let status = self.json(&["status", guest]).await;
        status.pointer("/guests/0").unwrap().clone()
    }

    /// Returns the changes that were made to their end behind so many lines of the ledger.
    pub(crate) fn made_since(&self, lines: usize) -> Vec<(GuestKey, String)> {
        let ledger = self.inner.host.ledger().into_iter().skip(lines);
        let made = ledger.filter(|entry| entry.mark == Mark::Done);
        made.map(|entry| (entry.guest, entry.kind)).collect()
    }

    /// Returns how many lines the ledger has.
    pub(crate) fn lines(&self) -> usize {
        self.inner.host.ledger().len()
    }

    /// Waits until a guest is complete with this revision.
    pub(crate) async fn until_complete(&self, vmid: u64, revision: u64) {
        self.inner
            .until("it is complete", |states| {
                states
                    .get(&lxc(vmid))
                    .is_some_and(|state| state.is_complete() && state.desired.revision == revision)
            })
            .await;
    }

    /// Waits until a human is asked about a guest.
    pub(crate) async fn until_asked(&self, vmid: u64) {
        self.inner
            .until("a human is asked", |states| {
                states
                    .get(&lxc(vmid))
                    .is_some_and(|state| matches!(state.work.standing, Standing::Blocked { .. }))
            })
            .await;
    }
}

/// Returns a change as the ledger has it.
pub(crate) fn made(vmid: u64, kind: &str) -> (GuestKey, String) {
    (lxc(vmid), kind.to_owned())
}
