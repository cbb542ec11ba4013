//! A server, a played worker, and a small fleet: 900, and 901 and 902 that are cloned from it.

use std::fs;
use std::path::Path;
use std::process::Child;

use phoenix_testkit::actor::Actor;
use phoenix_testkit::nats::NatsServer;
use tempfile::TempDir;

use crate::program::{Ended, phoenix_started, phoenix_with, repository};

/// A server, a played worker, and a small fleet.
pub(crate) struct Site {
    pub(crate) server: NatsServer,
    pub(crate) actor: Actor,
    folder: TempDir,
}

impl Site {
    /// Makes one; nothing was asked for yet.
    pub(crate) fn new() -> Self {
        let server = NatsServer::start();
        let actor = Actor::new(&server);
        Self { server, actor, folder: fleet(512) }
    }

    /// Writes the configuration anew, with this much memory for 901.
    pub(crate) fn change(&mut self, memory: u32) {
        self.folder = fleet(memory);
    }

    /// Runs `phoenix` to its end.
    pub(crate) fn phoenix(&self, args: &[&str]) -> Ended {
        phoenix_with(self.folder.path(), args, &self.environment())
    }

    /// Starts `phoenix`.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        phoenix_started(self.folder.path(), args, &self.environment())
    }

    /// Submits without following, and returns the run.
    pub(crate) fn submit(&self, guest: &str) -> String {
        let ended = self.phoenix(&["submit", guest, "--detach"]);
        assert_eq!(ended.code, 0, "{ended:?}");
        ended.out.trim().to_owned()
    }

    fn environment(&self) -> [(&str, &str); 2] {
        // The address lives as long as the process that is given it; a test is short.
        [("NATS_URL", self.server.url().leak()), ("USER", "kim")]
    }
}

/// Returns a folder with a fleet.
pub(crate) fn fleet(memory: u32) -> TempDir {
    let folder = TempDir::new().unwrap();
    write(folder.path(), memory);
    folder
}

fn write(folder: &Path, memory: u32) {
    let host = repository("tests/fixtures/rules/host.json");
    fs::copy(host, folder.join("phoenix_hypervisor_config.json")).unwrap();
    let lxc = format!(
        r#"{{"lxc_configs": {{
  "900": {{ "name": "base", "template": "debian.tar.zst", "storage_pool": "tank-lxc", "storage_size_gb": 8, "template_snapshot_name": "base-snapshot", "node": "pve1" }},
  "901": {{ "name": "web", "clone_from_ctid": "900", "memory_mb": {memory}, "storage_pool": "tank-lxc", "storage_size_gb": 8, "node": "pve1" }},
  "902": {{ "name": "db", "clone_from_ctid": "900", "storage_pool": "tank-lxc", "storage_size_gb": 8, "node": "pve1" }}
}}}}"#
    );
    fs::write(folder.join("phoenix_lxc_configs.json"), lxc).unwrap();
}
