//! What a worker is to systemd: a real worker, a real server, and the socket that a unit is told to speak to.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a broken fixture should stop the test"
)]

use std::fs;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use phoenix_testkit::nats::NatsServer;
use phoenix_testkit::worker::{Start, Worker};
use tempfile::TempDir;

/// How long to wait for what has to come.
const PATIENCE: Duration = Duration::from_secs(50);
/// After how many microseconds without a sign of life this supervisor would take a worker for dead.
const WATCHDOG_USEC: &str = "1500000";

const ALIVE: &str = "WATCHDOG=1";
const NATS_IS_SILENT: &str = "STATUS=NATS does not answer";

/// Who supervises a worker.
struct Supervisor {
    folder: TempDir,
    socket: UnixDatagram,
}

impl Supervisor {
    fn new() -> Self {
        let folder = TempDir::with_prefix("phoenix-supervised-").unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { folder, socket }
    }

    /// Starts a worker as the unit does.
    fn start(&self, nats: &NatsServer) -> Worker {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let log = self.folder.path().join("log");
        Start::new(Path::new(env!("CARGO_BIN_EXE_phoenix-worker")), &log)
            .with(&["--host", "idle", "--node", "pve1", "--durability", "always"])
            .with(&["--nats-url", &nats.url()])
            .with(&["--run-dir", &path("run"), "--state-dir", &path("state")])
            .told("NOTIFY_SOCKET", &path("notify"))
            .told("WATCHDOG_USEC", WATCHDOG_USEC)
            .go()
    }

    fn next(&self) -> String {
        let mut text = [0; 4096];
        let length = self.socket.recv(&mut text).expect("the worker tells something");
        String::from_utf8_lossy(&text[..length]).trim_end().to_owned()
    }

    /// Waits until this is told, and returns what was told before it.
    fn until(&self, wanted: &str) -> Vec<String> {
        let mut before = Vec::new();
        loop {
            match self.next() {
                told if told.starts_with(wanted) => return before,
                told => before.push(told),
            }
        }
    }
}

#[test]
fn a_worker_gives_signs_of_life_only_while_nats_answers() {
    let (nats, supervisor) = (NatsServer::start(), Supervisor::new());
    let mut worker = supervisor.start(&nats);
    let before = supervisor.until("READY=1");
    assert!(!before.contains(&ALIVE.to_owned()), "alive before it was ready: {before:?}");
    supervisor.until(ALIVE);
    supervisor.until(ALIVE);

    nats.freeze();
    supervisor.until(NATS_IS_SILENT);
    for _ in 0..3 {
        let meanwhile = supervisor.until(NATS_IS_SILENT);
        assert!(!meanwhile.contains(&ALIVE.to_owned()), "nobody lives there: {meanwhile:?}");
    }

    nats.thaw();
    supervisor.until(ALIVE);
    worker.kill();
}

#[tokio::test]
async fn a_worker_says_that_it_ends_and_ends() {
    let (nats, supervisor) = (NatsServer::start(), Supervisor::new());
    let mut worker = supervisor.start(&nats);
    supervisor.until("READY=1");

    worker.ask_to_end();

    supervisor.until("STOPPING=1");
    assert!(worker.ended().await.success());
}

#[test]
fn a_worker_listens_to_nobody() {
    let (nats, supervisor) = (NatsServer::start(), Supervisor::new());
    let mut worker = supervisor.start(&nats);
    supervisor.until("READY=1");

    let listening = listening(worker.pid()).unwrap();

    assert!(listening.is_empty(), "it listens at: {listening:?}");
    worker.kill();
}

/// Returns the lines of the kernel's tables that are sockets of this process on which it takes connections.
fn listening(pid: u32) -> io::Result<Vec<String>> {
    let proc = Path::new("/proc").join(pid.to_string());
    let mut own = Vec::new();
    for file in fs::read_dir(proc.join("fd"))? {
        let target = fs::read_link(file?.path())?.display().to_string();
        let inode = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
        own.extend(inode.map(str::to_owned));
    }
    assert!(!own.is_empty(), "it is connected to NATS");
    let mut listening = Vec::new();
    for (table, state, taking, inode) in
        [("tcp", 3, "0A", 9), ("tcp6", 3, "0A", 9), ("unix", 3, "00010000", 6)]
    {
        for line in fs::read_to_string(proc.join("net").join(table))?.lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            let is_own = words.get(inode).is_some_and(|inode| own.iter().any(|one| one == inode));
            if is_own && words.get(state) == Some(&taking) {
                listening.push(line.to_owned());
            }
        }
    }
    Ok(listening)
}
