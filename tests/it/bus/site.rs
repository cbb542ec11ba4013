//! A server, a played worker, and a small fleet: 900, and 901 and 902 that are cloned from it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

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

    /// Returns the folder with the configuration.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
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

    /// Runs `phoenix`, and returns the JSON it prints.
    pub(crate) fn json(&self, args: &[&str]) -> serde_json::Value {
        let ended = self.phoenix(&[args, &["-o", "json"]].concat());
        assert_eq!(ended.code, 0, "{ended:?}");
        serde_json::from_str(&ended.out).unwrap()
    }

    /// Returns the first lines of what `phoenix` tells without end.
    pub(crate) fn lines(&self, args: &[&str], count: usize) -> Vec<String> {
        let mut child = self.start(args);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let lines = lines.take(count).map(Result::unwrap).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        lines
    }

    /// Waits until somebody asked for a guest.
    pub(crate) fn until_asked(&self, guest: &str) {
        let began = Instant::now();
        while self.phoenix(&["status", guest]).code != 0 {
            assert!(began.elapsed() < Duration::from_secs(30), "{guest} was never asked for");
        }
    }

    /// Does to a program what Ctrl-C does.
    pub(crate) fn interrupt(child: &Child) {
        #[expect(clippy::disallowed_methods, reason = "a signal is sent by a process")]
        let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
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
