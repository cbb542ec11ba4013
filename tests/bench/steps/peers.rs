//! Other engines, each with its own store and a small program that asks for guests (`tests/peers`).

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::Made;
use crate::usage;
use crate::words::Words;

/// A peer as it is run.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// Says as well what it means by durable.
    pub(super) name: &'static str,
    /// Starts its store, and says how the one who asks is called.
    start: fn(&Words, &mut Peer, &str) -> Option<Result<Command, String>>,
    /// What is told to it.
    told: &'static str,
}

pub(super) const KINDS: [Kind; 6] = [
    Kind { name: "Restate, 1 partition, fsync", start: restate, told: "1" },
    Kind { name: "Restate, 2 partitions, fsync", start: restate, told: "2" },
    Kind { name: "Restate, 24 partitions, fsync", start: restate, told: "24" },
    Kind { name: "BullMQ, Redis, AOF always", start: bullmq, told: "always" },
    Kind { name: "BullMQ, Redis, AOF everysec", start: bullmq, told: "everysec" },
    Kind { name: "DBOS, Postgres, fsync", start: dbos, told: "" },
];

/// A peer that runs; all of it ends when this is dropped.
pub(super) struct Peer {
    folder: TempDir,
    processes: Vec<Child>,
    line: Option<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Peer {
    /// Starts it; nothing, when it is not installed for this run.
    pub(super) fn start(kind: Kind, words: &Words) -> Option<Result<Self, String>> {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut peer = Self { folder, processes: Vec::new(), line: None };
        let mut command = match (kind.start)(words, &mut peer, kind.told)? {
            Ok(command) => command,
            Err(why) => return Some(Err(why)),
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        Some(peer.run(command).map(|mut child| {
            let line = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
            peer.line = Some((line.0, BufReader::new(line.1)));
            peer.processes.push(child);
            peer
        }))
    }

    pub(super) fn make(&mut self, at_once: usize, total: usize) -> Made {
        let (input, output) = self.line.as_mut().unwrap();
        let asked = writeln!(input, "{at_once} {total}");
        let mut line = String::new();
        let answered = output.read_line(&mut line);
        let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|err| {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
            let begin: String = log.chars().take(4000).collect();
            panic!("it does not answer ({asked:?}, {answered:?}, {err}): {begin}")
        });
        let number = |name: &str| said[name].as_f64().unwrap();
        Made { seconds: number("seconds"), half: number("p50"), most: number("p99") }
    }

    pub(super) fn cpu(&self) -> f64 {
        self.pids().map(usage::cpu_with_children).sum()
    }

    pub(super) fn peak(&self) -> f64 {
        self.pids().map(usage::peak).sum()
    }

    fn pids(&self) -> impl Iterator<Item = u32> {
        self.processes.iter().flat_map(|child| usage::tree(child.id()))
    }

    /// Starts a store.
    fn store(&mut self, mut command: Command) -> Result<(), String> {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = self.run(command)?;
        self.processes.push(child);
        Ok(())
    }

    fn run(&self, mut command: Command) -> Result<Child, String> {
        let path = self.folder.path().join("log");
        let log = fs::File::options().create(true).append(true).open(path).unwrap();
        let name = command.get_program().display().to_string();
        command.stderr(log).spawn().map_err(|err| format!("{name}: {err}"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Who asks first; what a store has started ends when it finds itself alone.
        for child in self.processes.iter_mut().rev() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

fn restate(words: &Words, peer: &mut Peer, partitions: &str) -> Option<Result<Command, String>> {
    let (server, asker) = (words.text("restate")?, words.text("restate-guest")?);
    let [ingress, admin, fabric] = [port(), port(), port()];
    let mut command = command(Path::new(server));
    command
        .current_dir(peer.folder.path())
        .arg("--base-dir")
        .arg(peer.folder.path())
        .args(["--node-name", "bench"])
        .env("RESTATE_LISTEN_MODE", "tcp")
        .env("RESTATE_BIND_ADDRESS", format!("127.0.0.1:{fabric}"))
        .env("RESTATE_INGRESS__BIND_ADDRESS", format!("127.0.0.1:{ingress}"))
        .env("RESTATE_ADMIN__BIND_ADDRESS", format!("127.0.0.1:{admin}"))
        .env("RESTATE_DEFAULT_NUM_PARTITIONS", partitions)
        .env("RESTATE_DISABLE_TELEMETRY", "true")
        .env("RESTATE_LOG_FILTER", "warn");
    if let Err(why) = peer.store(command) {
        return Some(Err(why));
    }
    let mut asker = self::command(Path::new(asker));
    asker.args([ingress, admin].map(|port| format!("http://127.0.0.1:{port}")));
    Some(Ok(asker))
}

fn bullmq(words: &Words, peer: &mut Peer, sync: &str) -> Option<Result<Command, String>> {
    let (server, folder) = (words.text("redis")?, words.text("npm")?);
    let port = port().to_string();
    let mut command = command(Path::new(server));
    command
        .env("LD_LIBRARY_PATH", libraries(Path::new(server)))
        .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"])
        .args(["--appendfsync", sync, "--dir"])
        .arg(peer.folder.path());
    if let Err(why) = peer.store(command) {
        return Some(Err(why));
    }
    let answers = (0..1000).any(|_| {
        std::thread::sleep(Duration::from_millis(5));
        TcpStream::connect(format!("127.0.0.1:{port}")).is_ok()
    });
    if !answers {
        return Some(Err("Redis does not answer".to_owned()));
    }
    Some(Ok(node(folder, "bullmq.mjs", &port)))
}

fn dbos(words: &Words, peer: &mut Peer, _: &str) -> Option<Result<Command, String>> {
    let (programs, folder) = (words.text("postgres")?, words.text("npm")?);
    Some(postgres(Path::new(programs), peer).map(|port| {
        node(folder, "dbos.mjs", &format!("postgresql://postgres@127.0.0.1:{port}/guests"))
    }))
}

/// Starts a server on a disk of its own, and returns its port.
fn postgres(programs: &Path, peer: &mut Peer) -> Result<u16, String> {
    let port = port();
    let data = peer.folder.path().join("data");
    // It runs as nobody who is root.
    let unprivileged = |program: &str| {
        let mut command = command(Path::new("setpriv"));
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
        command.arg(programs.join(program)).current_dir("/");
        command.env("LD_LIBRARY_PATH", libraries(programs));
        command
    };
    fs::create_dir(&data).unwrap();
    std::os::unix::fs::chown(&data, Some(65534), Some(65534)).map_err(|err| err.to_string())?;
    open_to_all(peer.folder.path());
    let mut made = unprivileged("initdb");
    made.args(["--auth=trust", "--username=postgres", "--pgdata"]).arg(&data);
    let made = made.output().map_err(|err| err.to_string())?;
    if !made.status.success() {
        return Err(format!("initdb: {}", String::from_utf8_lossy(&made.stderr)));
    }
    let mut server = unprivileged("postgres");
    server.arg("-D").arg(&data).args(["-p", &port.to_string()]);
    server.args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]);
    peer.store(server)?;
    for _ in 0..1000 {
        let words = ["-h", "127.0.0.1", "-p", &port.to_string(), "-U", "postgres", "guests"];
        let made = unprivileged("createdb").args(words).output();
        if made.is_ok_and(|made| made.status.success()) {
            return Ok(port);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err("Postgres does not answer".to_owned())
}

/// Returns where the libraries are of what was unpacked and not installed; a machine's own are found anyway.
fn libraries(program: &Path) -> String {
    let roots = program.ancestors().filter(|folder| folder.ends_with("usr"));
    let kind = format!("lib/{}-linux-gnu", std::env::consts::ARCH);
    roots.map(|root| root.join(&kind).display().to_string()).collect()
}

/// Lets others look into a folder, and those above it that are ours.
fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

fn node(folder: &str, script: &str, told: &str) -> Command {
    let mut command = command(Path::new("node"));
    command.arg(PathBuf::from(folder).join(script)).arg(told);
    command
}

#[expect(clippy::disallowed_methods, reason = "a peer is a process")]
fn command(program: &Path) -> Command {
    Command::new(program)
}

/// Returns a port that nobody has at the moment; none of them can be told to take any and to say which.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
