//! The processes that are measured: a durable nats-server and a worker whose host costs nothing.

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use phoenix_testkit::pve::PveNode;
use tempfile::TempDir;

use crate::usage::{self, cpu, memory};

/// What those say that begin with the log as it is.
const KNOWN: &str = "every guest's state is known";

/// A server of webhooks and pages, ended when this is dropped.
pub(crate) struct Served {
    pub(crate) child: Child,
    /// Where it listens.
    pub(crate) at: String,
}

/// A nats-server and a worker, ended when this is dropped.
pub(crate) struct Pair {
    /// What the server is.
    program: PathBuf,
    pub(crate) url: String,
    pub(crate) server: Child,
    pub(crate) worker: Option<Child>,
    pub(crate) folder: TempDir,
    watchers: Vec<Child>,
}

impl Pair {
    pub(crate) fn start(server: &Path) -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let child = run(server, folder.path(), "127.0.0.1:-1");
        let url = address(folder.path(), child.id());
        let program = server.to_owned();
        Self { program, url, server: child, worker: None, folder, watchers: Vec::new() }
    }

    /// Kills the server, and starts it where it was.
    pub(crate) fn kill_the_server(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
        let listen = self.url.trim_start_matches("nats://");
        self.server = run(&self.program, self.folder.path(), listen);
    }

    pub(crate) fn work(&mut self, worker: &Path, slots: usize) {
        self.work_and_tell(worker, slots, "warn");
    }

    /// Starts a worker, and returns once it knows the state of every guest.
    pub(crate) fn work_until_all_is_known(&mut self, worker: &Path) {
        self.work_and_tell(worker, 8, "info");
        self.wait_until_all_is_known();
    }

    fn wait_until_all_is_known(&self) {
        wait_for(&self.folder.path().join("worker.log"), KNOWN);
    }

    /// Runs `phoenix` to its end, which is a good one, and returns what it printed.
    pub(crate) fn phoenix(&self, phoenix: &Path, words: &[&str]) -> String {
        let mut command = command(phoenix);
        command.args(words).args(["--nats-url", &self.url]).stdout(Stdio::piped());
        let ended = command.stderr(Stdio::piped()).output().unwrap();
        assert!(ended.status.success(), "{words:?}: {}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stdout).unwrap()
    }

    /// The same, and returns the seconds it took and the most memory it had, in MiB.
    pub(crate) fn cost_of(&self, phoenix: &Path, words: &[&str]) -> (f64, f64) {
        let used = self.folder.path().join("used");
        let mut command = command(Path::new("/usr/bin/time"));
        command.args(["-f", "%M", "-o"]).arg(&used).arg(phoenix).args(words);
        command.args(["--nats-url", &self.url]).stderr(Stdio::piped());
        let begun = Instant::now();
        let ended = command.output().unwrap();
        let seconds = begun.elapsed().as_secs_f64();
        assert!(ended.status.success(), "{words:?}: {}", String::from_utf8_lossy(&ended.stderr));
        let kib = fs::read_to_string(used).unwrap();
        (seconds, kib.trim().parse::<f64>().unwrap() / 1024.0)
    }

    /// Starts a health monitor, and returns it once it knows the state of every guest.
    pub(crate) fn monitor(&mut self, monitor: &Path) -> u32 {
        let path = self.folder.path().join("monitor.log");
        let mut command = command(monitor);
        command.args(["--nats-url", &self.url]).stderr(fs::File::create(&path).unwrap());
        let child = command.spawn().unwrap();
        let pid = child.id();
        self.watchers.push(child);
        wait_for(&path, KNOWN);
        pid
    }

    /// Starts a worker whose instructions are counted, into this file.
    pub(crate) fn work_under_valgrind(&mut self, worker: &Path, profile: &Path) {
        let mut command = command(Path::new("valgrind"));
        command.args(["--tool=callgrind", "--quiet"]);
        command.arg(format!("--callgrind-out-file={}", profile.display())).arg(worker);
        self.work_idly(command, 256, "warn");
    }

    /// Asks the worker to end, and waits until it has.
    pub(crate) fn end_the_worker(&mut self) {
        let Some(mut worker) = self.worker.take() else { return };
        let asked = command(Path::new("kill")).arg(worker.id().to_string()).status().unwrap();
        assert!(asked.success(), "the worker had ended before");
        worker.wait().unwrap();
    }

    fn work_and_tell(&mut self, worker: &Path, slots: usize, what: &str) {
        self.work_idly(command(worker), slots, what);
    }

    fn work_idly(&mut self, mut command: Command, slots: usize, what: &str) {
        command
            .args(["--host", "idle", "--node", "bench", "--slots", &slots.to_string()])
            .args(["--log", what])
            .arg("--run-dir")
            .arg(self.folder.path().join("run"))
            .arg("--state-dir")
            .arg(self.folder.path().join("state"));
        self.spawn(command);
    }

    /// Starts a worker for a made-up Proxmox node, and returns once it knows the state of every guest.
    pub(crate) fn work_on(&mut self, worker: &Path, node: &PveNode) {
        let mut command = command(worker);
        let node = node.node();
        let library = &node.library;
        command
            .args(["--host", "proxmox", "--node", node.name.as_str(), "--drift-every", "0"])
            .args(["--log", "info"])
            .arg("--host-root")
            .arg(&node.root)
            .arg("--features")
            .arg(&library.features[0])
            .arg("--scripts")
            .arg(&library.scripts[0])
            .arg("--run-dir")
            .arg(&node.run_dir)
            .arg("--state-dir")
            .arg(&node.state_dir);
        self.spawn(command);
        self.wait_until_all_is_known();
    }

    fn spawn(&mut self, mut command: Command) {
        let log = fs::File::create(self.folder.path().join("worker.log")).unwrap();
        command.args(["--durability", "always", "--nats-url", &self.url]).stderr(log);
        self.worker = Some(command.spawn().unwrap());
    }

    /// Starts `phoenix serve`.
    pub(crate) fn serve(&self, phoenix: &Path, hooks: &Path) -> Served {
        self.serve_with(command(phoenix), hooks)
    }

    /// The same, with one core for all of it.
    pub(crate) fn serve_on_one_core(&self, phoenix: &Path, hooks: &Path) -> Served {
        let mut taskset = command(Path::new("taskset"));
        taskset.args(["--cpu-list", "0"]).arg(phoenix);
        self.serve_with(taskset, hooks)
    }

    fn serve_with(&self, mut command: Command, hooks: &Path) -> Served {
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--nats-url", &self.url, "--hooks"])
            .arg(hooks)
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = child.stderr.take().unwrap();
        Served::hears(child, said)
    }

    /// Starts the server that only checks and stores.
    pub(crate) fn start_bare(&self) -> Served {
        let mut command = command(&std::env::current_exe().unwrap());
        command.args(["bare", &self.url]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = child.stdout.take().unwrap();
        Served::hears(child, said)
    }

    /// Starts a terminal that watches, and returns its number and what it shows. It ends with the server.
    pub(crate) fn watch(&mut self, phoenix: &Path) -> (u32, tokio::process::ChildStdout) {
        let mut command = command(phoenix);
        command.args(["watch", "-o", "jsonl", "--nats-url", &self.url]);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let shown = tokio::process::ChildStdout::from_std(child.stdout.take().unwrap()).unwrap();
        let pid = child.id();
        self.watchers.push(child);
        (pid, shown)
    }

    /// CPU seconds of both.
    pub(crate) fn cpu(&self) -> f64 {
        let worker = self.worker.as_ref().map_or(0.0, |worker| cpu(worker.id()));
        worker + cpu(self.server.id())
    }

    /// The same with all that the worker has started and waited for.
    pub(crate) fn cpu_with_children(&self) -> f64 {
        self.pids().into_iter().map(usage::cpu_with_children).sum()
    }

    /// Returns the numbers of server and worker.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let worker = self.worker.as_ref().map(Child::id);
        worker.into_iter().chain([self.server.id()]).collect()
    }

    /// Resident memory of server and worker in MiB.
    pub(crate) fn memory(&self) -> (f64, f64) {
        (memory(self.server.id()), self.worker.as_ref().map_or(0.0, |worker| memory(worker.id())))
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let others = self.worker.iter_mut().chain(&mut self.watchers);
        for child in others.chain([&mut self.server]) {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl Served {
    /// Waits until it says where it listens.
    fn hears(child: Child, said: impl Read + Send + 'static) -> Self {
        let mut lines = BufReader::new(said).lines().map(Result::unwrap);
        let mut told = String::new();
        let at = lines.find_map(|line| {
            told.push_str(&line);
            let (_, rest) = line.split_once("http://")?;
            Some(rest.split('/').next()?.to_owned())
        });
        // What it says later is nobody's, and must not stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, at: at.unwrap_or_else(|| panic!("it does not listen: {told}")) }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Starts a nats-server that keeps what it has in this folder.
fn run(program: &Path, folder: &Path, listen: &str) -> Child {
    let at = folder.display();
    let config = format!(
        "listen: \"{listen}\"\nports_file_dir: \"{at}\"\njetstream {{ store_dir: \"{at}/js\", max_mem: 256M, max_file: 8G\n sync_interval: always }}\n"
    );
    let path = folder.join("nats.conf");
    fs::write(&path, config).unwrap();
    let log = fs::File::options().create(true).append(true).open(folder.join("nats.log")).unwrap();
    command(program).arg("-c").arg(&path).stderr(log).spawn().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "what is measured is a process")]
fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn address(folder: &Path, pid: u32) -> String {
    let file: PathBuf = folder.join(format!("nats-server_{pid}.ports"));
    loop {
        if let Ok(text) = fs::read_to_string(&file)
            && let Ok(ports) = serde_json::from_str::<serde_json::Value>(&text)
        {
            return ports["nats"][0].as_str().unwrap().to_owned();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until a log has this.
fn wait_for(log: &Path, text: &str) {
    while !fs::read_to_string(log).unwrap().contains(text) {
        std::thread::sleep(Duration::from_millis(2));
    }
}
