//! Where a run takes place: a server, a host, workers, and a folder with a fleet; nothing is left of it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use phoenix_testkit::host::{Host, Settings};
use phoenix_testkit::nats::NatsServer;
use phoenix_testkit::worker::{Start, Worker};
use serde_json::Value;
use tempfile::TempDir;

use crate::fleet::Fleet;
use crate::node::Node;
use crate::programs::Programs;
use crate::reading::Reading;
use crate::wire::Wire;

/// What a worker is told besides where things are: short waits, so that a run is not mostly waiting.
const HASTE: [&str; 8] = [
    "--ack-wait",
    "1000",
    "--retry-after",
    "50",
    "--drift-every",
    "0",
    "--log",
    "info,phoenix_bus=debug,phoenix_worker=debug",
];

/// A server, a host, workers, and a fleet.
pub(crate) struct Field {
    pub(crate) programs: Programs,
    /// A worker's name is where it holds its locks and says what it does.
    pub(crate) workers: Vec<Worker>,
    pub(crate) server: NatsServer,
    pub(crate) host: Host,
    pub(crate) fleet: Fleet,
    /// What a worker is told besides.
    pub(crate) told: Vec<String>,
    /// What is in a worker's environment besides.
    pub(crate) environment: Vec<(String, String)>,
    /// The made-up Proxmox node that workers are on, where they are not on the simulated host.
    pub(crate) node: Option<Node>,
    /// Where workers keep notes; other than its own folder where that is on a disk of its own.
    pub(crate) state: PathBuf,
    /// Where workers reach the server, where that is not the server itself.
    pub(crate) via: Option<String>,
    /// The guests that were asked for.
    pub(crate) asked: RefCell<BTreeSet<u32>>,
    /// Disks that are looked at to the end.
    disks: Vec<Box<dyn std::any::Any>>,
    folder: TempDir,
    faults: Cell<u64>,
    /// Guests of the host that somebody else has made, as they were.
    pub(crate) others: BTreeMap<String, Value>,
}

impl Field {
    /// Makes one with a server and a host.
    pub(crate) fn new(programs: &Programs) -> Self {
        let folder = TempDir::with_prefix("phoenix-torture-").unwrap();
        let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/rules/host.json");
        fs::copy(host, folder.path().join("phoenix_hypervisor_config.json")).unwrap();
        let field = Self {
            programs: programs.clone(),
            workers: Vec::new(),
            server: NatsServer::start(),
            host: Host::new(&pace(5)),
            fleet: Fleet::small(),
            told: Vec::new(),
            environment: Vec::new(),
            node: None,
            state: folder.path().join("state"),
            via: None,
            asked: RefCell::default(),
            disks: Vec::new(),
            folder,
            faults: Cell::new(0),
            others: BTreeMap::new(),
        };
        field.fleet.write(field.folder.path());
        field
    }

    /// Returns a folder or file of its own.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Has guests be another fleet.
    pub(crate) fn plant(&mut self, fleet: Fleet) {
        fleet.write(self.folder.path());
        self.fleet = fleet;
    }

    /// Starts one more worker, which holds its locks where all do.
    pub(crate) fn start(&mut self) {
        let worker = self.worker("run").go();
        self.workers.push(worker);
    }

    /// Starts a worker in place of each that has ended, and one where there is none.
    pub(crate) async fn revive(&mut self) {
        let mut living = Vec::new();
        for mut worker in std::mem::take(&mut self.workers) {
            let has_ended = tokio::time::timeout(Duration::ZERO, worker.ended()).await.is_ok();
            if !has_ended {
                living.push(worker);
            }
        }
        self.workers = living;
        if self.workers.is_empty() {
            self.start();
        }
    }

    /// Describes a worker that holds its locks in this folder.
    pub(crate) fn worker(&self, locks: &str) -> Start {
        let text = |path: &Path| path.display().to_string();
        let url = self.via.clone().unwrap_or_else(|| self.server.url());
        let told: Vec<_> = self.told.iter().map(String::as_str).collect();
        let start = Start::new(&self.programs.worker(), &self.path("worker.log"))
            .with(&["--node", "pve1", "--durability", "always", "--nats-url", &url])
            .with(&HASTE)
            .with(&told);
        let start = match &self.node {
            Some(node) => node.with(start),
            None => start
                .with(&["--host", "simulated", "--sim-dir", &text(self.host.folder())])
                .with(&["--run-dir", &text(&self.path(locks)), "--state-dir", &text(&self.state)]),
        };
        let start = self.environment.iter().fold(start, |all, (name, value)| all.told(name, value));
        match self.programs.planted {
            Some(bug) => start.told("PHOENIX_PLANTED", bug),
            None => start,
        }
    }

    /// Keeps a disk until all that is on it has ended.
    pub(crate) fn keep_disk(&mut self, disk: Box<dyn std::any::Any>) {
        self.disks.push(disk);
    }

    /// Counts something that was done to it.
    pub(crate) fn harmed(&self, times: u64) {
        self.faults.set(self.faults.get() + times);
    }

    /// Returns how often something was done to it.
    pub(crate) fn faults(&self) -> u64 {
        self.faults.get()
    }

    /// Returns how many lines the ledger of the host has.
    pub(crate) fn lines(&self) -> usize {
        Reading::ledger(self.host.folder()).len()
    }

    /// Returns what workers said.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.path("worker.log")).unwrap_or_default()
    }

    /// Keeps what workers said and what was done to the host, beside the programs.
    pub(crate) fn keep_story(&self, seed: u64) {
        let folder = self.programs.folder.join("../torture");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{seed}.log")), self.said()).unwrap();
        let ledger = fs::read(self.host.folder().join("ledger.jsonl")).unwrap_or_default();
        fs::write(folder.join(format!("{seed}.ledger.jsonl")), ledger).unwrap();
    }

    /// Connects to the server.
    pub(crate) fn wire(&self) -> std::io::Result<Wire> {
        let url = self.server.url();
        let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap();
        Wire::to(port)
    }
}

/// Returns settings of a host on which a change takes that long, in milliseconds.
pub(crate) fn pace(millis: u64) -> Settings {
    Settings {
        latency_ms: millis,
        latencies_ms: BTreeMap::new(),
        grace_ms: 300,
        ..Settings::default()
    }
}
