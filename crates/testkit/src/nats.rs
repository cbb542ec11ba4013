//! A NATS server of a test's own: on a free port, in a folder of its own, gone with the test.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a broken fixture should stop the test"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use phoenix_bus::{Address, Bus, Cell, Durability};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long the server may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running NATS server. It is killed when this is dropped.
#[derive(Debug)]
pub struct NatsServer {
    folder: TempDir,
    port: u16,
    more: String,
    child: Option<Child>,
}

impl NatsServer {
    /// Starts one that writes to disk before it acknowledges.
    pub fn start() -> Self {
        Self::start_with("jetstream { store_dir: \"{store}\", sync_interval: always }")
    }

    /// Starts one with this configuration besides its address; `{store}` is a folder of its own.
    pub fn start_with(more: &str) -> Self {
        let folder = TempDir::with_prefix("phoenix-nats-").unwrap();
        let more = more.replace("{store}", &folder.path().join("store").display().to_string());
        let mut server = Self { folder, port: 0, more, child: None };
        server.run("-1");
        server.port = server.read_port();
        server.wait();
        server
    }

    /// Returns the address clients connect to.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Kills the server, as a power failure would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Has the server stand still: its connections stay, and nobody answers on them.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Has it go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Starts it again at the same address, with what it had stored.
    pub fn restart(&mut self) {
        self.kill();
        self.run(&self.port.to_string());
        self.wait();
    }

    /// Connects to it. The streams are made where they are missing.
    pub async fn bus(&self) -> Bus {
        let bus = Bus::connect(&self.address()).await.unwrap();
        bus.set_up(Durability::Synced).await.unwrap();
        bus
    }

    /// Returns what a client has to know.
    pub fn address(&self) -> Address {
        Address {
            url: self.url(),
            credentials: None,
            key: None,
            ca: None,
            name: "a test".to_owned(),
            cell: Cell::new("main".parse().unwrap()),
        }
    }

    /// Kills the server and takes away all it had stored.
    pub fn wipe(&mut self) {
        self.kill();
        fs::remove_dir_all(self.store()).unwrap();
    }

    /// Kills the server and copies what it had stored to where nothing is yet.
    pub fn back_up(&mut self, to: &Path) {
        self.kill();
        copy(&self.store(), to);
    }

    /// Kills the server and puts there what was copied before, in place of what it had stored.
    pub fn restore(&mut self, from: &Path) {
        self.wipe();
        copy(from, &self.store());
    }

    /// Publishes what nobody of ours would, without waiting for anything.
    pub fn publish(&self, subject: &str, body: impl AsRef<[u8]>) {
        assert!(self.is_taken(subject, body.as_ref()), "NATS did not answer");
    }

    /// Publishes what nobody of ours would, and says whether the server takes that.
    pub fn is_taken(&self, subject: &str, body: &[u8]) -> bool {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let begin = format!("CONNECT {{\"verbose\":false}}\r\nPUB {subject} {}\r\n", body.len());
        // A server that refuses hangs up before it has read everything.
        let written = [begin.as_bytes(), body, b"\r\nPING\r\n"]
            .into_iter()
            .try_for_each(|part| stream.write_all(part));
        // The answer to the ping says that the server has read all of it.
        let mut answers = BufReader::new(stream).lines().map_while(Result::ok);
        written.is_ok() && answers.any(|answer| answer == "PONG")
    }

    fn signal(&self, signal: Signal) {
        // It is our child and was not waited for, so the number is its own.
        let id = self.child.as_ref().unwrap().id();
        kill_process(Pid::from_raw(i32::try_from(id).unwrap()).unwrap(), signal).unwrap();
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn run(&mut self, port: &str) {
        let config = self.folder.path().join("nats.conf");
        let listen = format!("host: 127.0.0.1\nport: {port}\nmax_payload: 8MB\n{}\n", self.more);
        fs::write(&config, listen).unwrap();
        let log = fs::File::create(self.folder.path().join("nats.log")).unwrap();
        #[expect(clippy::disallowed_methods, reason = "the server is a process")]
        let child = Command::new(program())
            .arg("--config")
            .arg(&config)
            .arg("--ports_file_dir")
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|err| panic!("cannot start {}: {err}", program().display()));
        self.child = Some(child);
    }

    fn read_port(&self) -> u16 {
        let id = self.child.as_ref().unwrap().id();
        let path = self.folder.path().join(format!("nats-server_{id}.ports"));
        self.poll(|| {
            let text = fs::read_to_string(&path).ok()?;
            let ports: serde_json::Value = serde_json::from_str(&text).ok()?;
            ports["nats"][0].as_str()?.rsplit(':').next()?.parse().ok()
        })
    }

    fn wait(&self) {
        self.poll(|| TcpStream::connect(("127.0.0.1", self.port)).ok());
    }

    /// Asks until there is an answer.
    fn poll<T>(&self, answer: impl Fn() -> Option<T>) -> T {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(answer) = answer() {
                return answer;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let log = fs::read_to_string(self.folder.path().join("nats.log")).unwrap_or_default();
        panic!("the NATS server did not start:\n{log}");
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, to) = entry.map(|entry| (entry.path(), to.join(entry.file_name()))).unwrap();
        if entry.is_dir() {
            copy(&entry, &to);
        } else {
            fs::copy(entry, to).unwrap();
        }
    }
}

/// Returns the path of the server that tests run.
pub fn program() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "a test has no main to be handed this by")]
    let said = std::env::var_os("PHOENIX_NATS_SERVER");
    match said {
        Some(path) => path.into(),
        // Where `cargo xtask test` installs it.
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/bin/nats-server"),
    }
}
