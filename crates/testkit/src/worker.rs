//! A real worker in a process of its own, which can be killed, stopped and woken; gone with the
//! test.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a broken fixture should stop the test"
)]

use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// How often it is looked whether a worker has ended.
const POLL: Duration = Duration::from_millis(5);
/// How much of a worker's log is shown when its test fails.
const SHOWN: usize = 200;

/// What a worker is started with.
#[derive(Clone, Debug)]
pub struct Start {
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    netns: Option<PathBuf>,
    log: PathBuf,
}

/// A running worker. It is killed when this is dropped; what it said is shown if the test failed.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Start {
    /// Describes a worker of this program that tells `log` what it does.
    pub fn new(program: &Path, log: &Path) -> Self {
        Self {
            program: program.to_owned(),
            arguments: Vec::new(),
            environment: Vec::new(),
            netns: None,
            log: log.to_owned(),
        }
    }

    /// Gives it arguments.
    #[must_use]
    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|one| (*one).to_owned()));
        self
    }

    /// Tells it this by its environment, which has nothing else.
    #[must_use]
    pub fn told(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Has it run in a network namespace, and be killed with the thread that starts it: who was left behind would
    /// keep the namespace.
    #[must_use]
    pub fn within(mut self, netns: &Path) -> Self {
        self.netns = Some(netns.to_owned());
        self
    }

    /// Starts it.
    pub fn go(&self) -> Worker {
        let log = fs::OpenOptions::new().create(true).append(true).open(&self.log).unwrap();
        let mut line = Vec::new();
        if let Some(netns) = &self.netns {
            // Both make way for what they start, so that its number is the one of our child.
            line.extend(["setpriv", "--pdeathsig", "KILL", "nsenter"].map(PathBuf::from));
            line.push(format!("--net={}", netns.display()).into());
        }
        line.push(self.program.clone());
        let (program, before) = line.split_first().unwrap();
        #[expect(clippy::disallowed_methods, reason = "the worker under test is a process")]
        let child = Command::new(program)
            .args(before)
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|err| panic!("cannot start {}: {err}", self.program.display()));
        Worker { child, log: self.log.clone(), ended: None }
    }
}

impl Worker {
    /// Kills it, as a power failure would.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.ended = Some(self.child.wait().unwrap());
    }

    /// Asks it to end, as systemd would.
    pub fn ask_to_end(&self) {
        self.signal(Signal::TERM);
    }

    /// Has it stand still, as a machine would that is moved.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Has it go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Returns its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it ends.
    pub async fn ended(&mut self) -> ExitStatus {
        loop {
            if let Some(status) = self.ended {
                return status;
            }
            self.ended = self.child.try_wait().unwrap();
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until it is killed by somebody else.
    pub async fn is_killed(&mut self) {
        let status = self.ended().await;
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "the worker ended with {status}");
    }

    /// Returns what it has said, and those before it that told the same log.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn signal(&self, signal: Signal) {
        // It is our child and was not waited for, so the number is its own.
        if self.ended.is_none() {
            let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
            kill_process(pid, signal).unwrap();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.ended.is_none() {
            drop(self.child.kill());
            drop(self.child.wait());
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let shown = lines.get(lines.len().saturating_sub(SHOWN)..).unwrap_or_default();
            let said = shown.join("\n");
            drop(writeln!(std::io::stderr(), "--- {} ---\n{said}", self.log.display()));
        }
    }
}
