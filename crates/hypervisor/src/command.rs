//! Starts a process: the one place that does.
//!
//! What is started must be able to outlive us. It runs in its own process group, so that a signal
//! meant for us does not reach it; it inherits the locks it works under; and it prints into files
//! in memory, for a tool whose pipe was closed dies in the middle of its work.

mod paper;

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use command_fds::{CommandFdExt as _, FdMapping};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::Child;
use tokio::time::{error::Elapsed, interval, timeout};
use tracing::{debug, warn};

use self::paper::Paper;
pub(crate) use self::paper::spoken;
use crate::veil::Veil;
use crate::{Hand, HostError, holder};

/// How much of what a process printed is kept; the end of it says why it failed.
const KEPT: u64 = 4096;

/// How often what was printed long ago is thrown away: it takes memory for as long as it is there.
const SWEEP: Duration = Duration::from_secs(1);

/// How often it is listened to.
const LISTEN: Duration = Duration::from_millis(200);

/// The number under which a child finds the first lock; the others follow.
const FIRST_LOCK: i32 = 3;

/// How long a process has for cleaning up once it was told to end. The tools of Proxmox roll back
/// when they are asked to end, and leave debris when they are killed.
const GRACE: Duration = Duration::from_secs(10);

/// A process about to be started.
#[derive(Clone)]
pub(crate) struct Command {
    program: PathBuf,
    arguments: Vec<Argument>,
    limit: Duration,
    grace: Duration,
    /// What people type in place of its path.
    name: Option<String>,
    /// What it is for, where its arguments would say nothing.
    purpose: Option<String>,
    stdin: Option<Arc<File>>,
    /// How much of what it prints is kept.
    kept: u64,
    /// Whether what it prints is for people, line by line.
    is_heard: bool,
    /// What must not be seen of what it prints.
    veil: Veil,
}

/// One argument of a process.
#[derive(Clone)]
enum Argument {
    Plain(OsString),
    /// It reaches the process and nobody else: no message, no log.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the drivers of real hosts"))]
    Secret(OsString),
}

/// How a process ended, and the end of what it printed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Command {
    /// Describes a process that may run this long.
    pub(crate) fn new(program: &Path, limit: Duration) -> Self {
        Self {
            program: program.to_owned(),
            arguments: Vec::new(),
            limit,
            grace: GRACE,
            name: None,
            purpose: None,
            stdin: None,
            kept: KEPT,
            is_heard: false,
            veil: Veil::default(),
        }
    }

    /// Gives it one more argument.
    pub(crate) fn plain(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(Argument::Plain(argument.into()));
        self
    }

    /// Gives it one more argument, which no message will show.
    #[cfg(test)]
    pub(crate) fn secret(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(Argument::Secret(argument.into()));
        self
    }

    /// Says what it is for, in place of its arguments.
    pub(crate) fn purpose(mut self, purpose: &str) -> Self {
        self.purpose = Some(purpose.to_owned());
        self
    }

    /// Says what people type in place of its path.
    pub(crate) fn called(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Gives it something to read: what it is told this way no list of processes shows.
    pub(crate) fn stdin(mut self, bytes: &[u8]) -> Result<Self, HostError> {
        let put = || {
            let mut paper = Paper::new()?.share()?;
            paper.write_all(bytes)?;
            paper.rewind()?;
            Ok(paper)
        };
        self.stdin = Some(Arc::new(put().map_err(|err| HostError::Unreachable { err })?));
        Ok(self)
    }

    /// Keeps that much of what it prints, as that is what it is asked for.
    pub(crate) fn kept(mut self, bytes: u64) -> Self {
        self.kept = bytes;
        self
    }

    /// Has what it prints heard while it prints it, by whoever listens to the hand.
    pub(crate) fn heard(mut self) -> Self {
        self.is_heard = true;
        self
    }

    /// Hides these in all that it prints.
    pub(crate) fn veiled(mut self, veil: Veil) -> Self {
        self.veil = veil;
        self
    }

    /// Gives it another time for cleaning up.
    pub(crate) fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Runs it to its end, or to its deadline. Where nobody waits any more it runs on.
    pub(crate) async fn run(&self, hand: &Hand) -> Result<Ended, HostError> {
        let not_started =
            |err: io::Error| self.failed(format!("it cannot be started: {err}"), String::new());
        let (mut stdout, mut stderr) =
            (Paper::new().map_err(not_started)?, Paper::new().map_err(not_started)?);
        let mut child = self.start(hand, &stdout, &stderr).map_err(not_started)?;
        debug!(command = %self, pid = child.id(), "process started");
        if let Some(Err(err)) =
            child.id().map(|pid| holder::note(hand.files(), pid, self.limit, self.grace, self))
        {
            warn!(%err, command = %self, "who is at work was not written into its lock");
        }
        let ear = hand.ear().filter(|_| self.is_heard);
        let ended = async {
            let mut sweep = interval(if ear.is_some() { LISTEN } else { SWEEP });
            loop {
                tokio::select! {
                    ended = child.wait() => return ended,
                    _ = sweep.tick() => for paper in [&mut stdout, &mut stderr] {
                        if let Some(ear) = ear {
                            paper.tell(ear, &self.veil);
                        }
                        paper.forget_all_but(self.kept);
                    },
                }
            }
        };
        let ended = in_time(self.limit, ended).await;
        if ended.is_err() {
            self.end(&mut child).await;
        }
        for paper in [&mut stdout, &mut stderr] {
            if let Some(ear) = ear {
                paper.tell_rest(ear, &self.veil);
            }
        }
        let end = |paper: &Paper, most| paper.end(most, &self.veil);
        match ended {
            Ok(Ok(status)) => Ok(Ended {
                status,
                stdout: end(&stdout, self.kept),
                stderr: end(&stderr, self.kept),
            }),
            Ok(Err(err)) => Err(self.failed(format!("it was lost: {err}"), end(&stderr, KEPT))),
            Err(_) => Err(HostError::TimedOut {
                what: self.to_string(),
                limit: self.limit,
                output: end(&stderr, KEPT),
            }),
        }
    }

    fn start(&self, hand: &Hand, stdout: &Paper, stderr: &Paper) -> io::Result<Child> {
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        let mut command = tokio::process::Command::new(&self.program);
        for argument in &self.arguments {
            let (Argument::Plain(text) | Argument::Secret(text)) = argument;
            command.arg(text);
        }
        command
            .stdin(match &self.stdin {
                Some(paper) => Stdio::from(paper.try_clone()?),
                None => Stdio::null(),
            })
            .stdout(stdout.share()?)
            .stderr(stderr.share()?)
            .process_group(0);
        // Whoever reads these would speak for the worker to who supervises it.
        for told in ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"] {
            command.env_remove(told);
        }
        let locks: Vec<_> = hand
            .files()
            .iter()
            .zip(FIRST_LOCK..)
            .map(|(lock, child_fd)| Ok(FdMapping { parent_fd: same_lock(lock)?, child_fd }))
            .collect::<io::Result<_>>()?;
        command.fd_mappings(locks).map_err(io::Error::other)?;
        command.spawn()
    }

    /// Asks it to end, and then does not ask any more.
    async fn end(&self, child: &mut Child) {
        #[cfg(feature = "planted")]
        if phoenix_planted::is("no-group-kill") {
            return;
        }
        let Some(pid) = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) else {
            return;
        };
        if let Err(err) = kill_process(pid, Signal::TERM) {
            debug!(%err, "process had ended");
        }
        let has_ended = timeout(self.grace, child.wait()).await.is_ok();
        // Its children may be at work still, whether it has ended or not.
        if let Err(err) = kill_process_group(pid, Signal::KILL) {
            debug!(%err, "process group had ended");
        }
        if !has_ended && let Err(err) = child.wait().await {
            warn!(%err, "process cannot be waited for");
        }
        warn!(command = %self, has_ended, "process ended at its deadline");
    }

    fn failed(&self, why: String, output: String) -> HostError {
        HostError::Failed { what: self.to_string(), why, output }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(purpose) = &self.purpose {
            return f.write_str(purpose);
        }
        match &self.name {
            Some(name) => f.write_str(name)?,
            None => write!(f, "{}", self.program.display())?,
        }
        for argument in &self.arguments {
            match argument {
                Argument::Plain(text) => write!(f, " {}", text.display())?,
                Argument::Secret(_) => f.write_str(" ***")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({self})")
    }
}

/// Waits for an end for so long.
async fn in_time<T>(limit: Duration, end: impl Future<Output = T>) -> Result<T, Elapsed> {
    #[cfg(feature = "planted")]
    if phoenix_planted::is("no-deadline") {
        return Ok(end.await);
    }
    #[cfg(feature = "planted")]
    if phoenix_planted::is("wall-clock-deadline") {
        return by_the_clock(limit, end).await;
    }
    timeout(limit, end).await
}

/// Waits until it is so late, whatever sets the clock meanwhile.
#[cfg(feature = "planted")]
async fn by_the_clock<T>(limit: Duration, end: impl Future<Output = T>) -> Result<T, Elapsed> {
    #[expect(clippy::disallowed_methods, reason = "that is the bug")]
    let now = std::time::SystemTime::now;
    let last = now() + limit;
    tokio::pin!(end);
    loop {
        let ended = timeout(Duration::from_millis(20), &mut end).await;
        if ended.is_ok() || now() >= last {
            return ended;
        }
    }
}

/// Returns the same open file, and with it the same lock, under another number.
fn same_lock(lock: &Arc<File>) -> io::Result<OwnedFd> {
    lock.try_clone().map(OwnedFd::from)
}

#[cfg(test)]
mod tests;
