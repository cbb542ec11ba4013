//! A server of a test's own: at an address of its own, in a folder of its own, gone with the test.

use std::env;
use std::fs::{self, File, Permissions};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

const BY_HAND: &str = "`cargo xtask servers` unpacks real servers, and says what to export";

/// Returns an address that no other test has: nobody else gets its ports.
pub(crate) fn address() -> IpAddr {
    let [high, middle, low] = match std::process::id().to_be_bytes() {
        [0, high, middle, low] => [high, middle, low],
        other => panic!("{other:?} is no process of Linux"),
    };
    // Processes have at most 22 bits.
    Ipv4Addr::new(127, 64 + high, middle, low).into()
}

/// A server that runs. It is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    pub(crate) folder: TempDir,
}

/// Returns a folder that a server may write in, whoever it runs as.
pub(crate) fn folder() -> TempDir {
    let folder = TempDir::with_prefix("phoenix-real-").unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    folder
}

/// Returns a program: as it is installed here, or as it was unpacked.
pub(crate) fn program(path: &str) -> Command {
    let unpacked = unpacked();
    let installed = Path::new("/").join(path);
    let own = unpacked.join(path);
    let program = if own.is_file() { own } else { installed };
    let place = unpacked.display();
    assert!(program.is_file(), "there is no {path} here, and none in {place}; {BY_HAND}");
    let mut command = command(&program);
    let libraries = unpacked.join("usr/lib").join(format!("{}-linux-gnu", env::consts::ARCH));
    command.env("LD_LIBRARY_PATH", libraries);
    command
}

/// Returns a program that may not run as root, to be run as nobody where we are root.
pub(crate) fn unprivileged(path: &str) -> Command {
    let inner = program(path);
    if !geteuid().is_root() {
        return inner;
    }
    let mut outer = command(Path::new("/usr/bin/setpriv"));
    outer.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(inner.get_program());
    for (name, value) in inner.get_envs() {
        outer.env(name, value.unwrap_or_default());
    }
    outer
}

/// Returns the Python that has the server of llama.cpp.
pub(crate) fn python() -> Command {
    command(&found("PHOENIX_LLAMA_PYTHON", "venv/bin/python3"))
}

fn unpacked() -> PathBuf {
    found("PHOENIX_SERVERS", "servers")
}

fn found(variable: &str, otherwise: &str) -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "a test has no main to be handed this by")]
    let said = env::var_os(variable);
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools");
    let path = said.map_or_else(|| tools.join(otherwise), PathBuf::from);
    assert!(path.exists(), "{} is not there; {BY_HAND}", path.display());
    path
}

fn command(program: &Path) -> Command {
    #[expect(clippy::disallowed_methods, reason = "the server under test is a process")]
    Command::new(program)
}

/// Stops a process, and returns when none of its threads runs any more: a signal takes its time.
pub(crate) fn stop(process: Pid) {
    kill_process(process, Signal::STOP).unwrap();
    let threads = format!("/proc/{}/task", process.as_raw_nonzero());
    let is_stopped = |thread: PathBuf| {
        // What follows the name, which is in brackets, is the state. A thread may have ended meanwhile.
        let stat = fs::read_to_string(thread.join("stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('T'))
    };
    let all = || fs::read_dir(&threads).unwrap().map(|thread| thread.unwrap().path());
    while !all().all(is_stopped) {
        std::thread::yield_now();
    }
}

impl Server {
    /// Stops it, and returns when it has stopped.
    pub(crate) fn stop(&self) {
        stop(Pid::from_child(&self.child));
    }

    /// Starts it. That it serves is for a probe to find out.
    pub(crate) fn start(mut command: Command, folder: TempDir) -> Self {
        let log = folder.path().join("log");
        let out = File::create(&log).unwrap();
        command.stdin(std::process::Stdio::null()).current_dir(folder.path());
        let child = command.stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap();
        Self { child, log, folder }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Kills it, and returns when it is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for it to end by itself; says whether that was well.
    pub(crate) fn ended(&mut self) -> bool {
        self.child.wait().unwrap().success()
    }

    /// Returns the processes it has started.
    pub(crate) fn children(&self) -> Vec<Pid> {
        let id = self.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        let ids = children.split_whitespace().map(|id| id.parse().unwrap());
        ids.map(|id| Pid::from_raw(id).unwrap()).collect()
    }

    /// Returns what it said.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that was stopped is killed all the same; one that has ended has no children.
        self.child.kill().ok();
        self.child.wait().ok();
        if std::thread::panicking() {
            // Whoever reads a failed test wants to know what the server thought of it.
            let said = self.said();
            let end: Vec<_> = said.lines().rev().take(20).collect();
            let end: Vec<_> = end.into_iter().rev().collect();
            std::io::Write::write_all(&mut std::io::stderr(), end.join("\n").as_bytes()).ok();
        }
    }
}
