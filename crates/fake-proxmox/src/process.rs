//! Starts other programs, and lets a signal end the wait for them.

use std::cell::Cell;
use std::io::{ErrorKind, Read as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGINT, SIGQUIT, SIGTERM};
use signal_hook::low_level::pipe;

use crate::die::{Die, Outcome};
use crate::say;

/// Makes a program that can be started.
#[expect(clippy::disallowed_methods, reason = "the double starts tar, unshare and itself")]
pub(crate) fn program(name: impl AsRef<std::ffi::OsStr>) -> Command {
    Command::new(name)
}

/// The signals that ask a process to end, as something that can be waited for.
#[derive(Debug)]
pub(crate) struct Signals {
    stream: UnixStream,
    has_come: Cell<bool>,
}

impl Signals {
    /// From now on they do not end this process.
    pub(crate) fn catch() -> Outcome<Self> {
        let (stream, sender) = UnixStream::pair()?;
        for signal in [SIGTERM, SIGINT, SIGQUIT] {
            pipe::register(signal, sender.try_clone()?)?;
        }
        stream.set_nonblocking(true)?;
        Ok(Self { stream, has_come: Cell::new(false) })
    }

    /// Returns how many came since the last question.
    pub(crate) fn come(&self) -> usize {
        let mut bytes = [0; 64];
        let come = (&self.stream).read(&mut bytes).unwrap_or(0);
        if come > 0 {
            self.has_come.set(true);
        }
        come
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Ends what is being done once a signal came.
    pub(crate) fn check(&self) -> Outcome<()> {
        self.come();
        if self.has_come.replace(false) { Err(Die::new("received interrupt")) } else { Ok(()) }
    }

    /// Waits, but not beyond a signal.
    pub(crate) fn sleep(&self, ms: u64) -> Outcome<()> {
        if ms > 0 {
            wait(&[self.fd()], Some(ms))?;
        }
        self.check()
    }
}

/// Waits until one of them can be read; says which.
pub(crate) fn wait(fds: &[BorrowedFd<'_>], ms: Option<u64>) -> Outcome<Vec<bool>> {
    let mut polled: Vec<PollFd<'_>> =
        fds.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    let time = ms.map(|ms| Timespec {
        tv_sec: i64::try_from(ms / 1000).unwrap_or(i64::MAX),
        tv_nsec: i64::try_from(ms % 1000 * 1_000_000).unwrap_or(0),
    });
    match poll(&mut polled, time.as_ref()) {
        Ok(_) => Ok(polled.iter().map(|fd| !fd.revents().is_empty()).collect()),
        Err(Errno::INTR) => Ok(vec![false; fds.len()]),
        Err(err) => Err(err.into()),
    }
}

/// Runs a program to its end, relaying what it prints; `shown` is what errors call it.
pub(crate) fn run(signals: Option<&Signals>, mut command: Command, shown: &str) -> Outcome<()> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let failed = |why: &str| Die::new(format!("command '{shown}' failed: {why}"));
    let mut child = command.spawn().map_err(|err| failed(&err.to_string()))?;
    let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
    let mut interrupted = false;
    while stdout.is_some() || stderr.is_some() {
        let mut fds: Vec<BorrowedFd<'_>> = Vec::new();
        fds.extend(stdout.as_ref().map(|pipe| pipe.as_fd()));
        fds.extend(stderr.as_ref().map(|pipe| pipe.as_fd()));
        fds.extend(signals.map(Signals::fd));
        let ready = wait(&fds, None)?;
        let mut ready = ready.into_iter();
        let is_ready = stdout.is_some() && ready.next().unwrap_or(false);
        if is_ready && pass(&mut stdout, say::out) {
            stdout = None;
        }
        let is_ready = stderr.is_some() && ready.next().unwrap_or(false);
        if is_ready && pass(&mut stderr, say::err) {
            stderr = None;
        }
        if signals.is_some_and(|signals| signals.check().is_err()) {
            // The signal went to the whole group, so the program ends by itself.
            interrupted = true;
            break;
        }
    }
    let status = child.wait()?;
    if interrupted {
        return Err(failed("received interrupt"));
    }
    fate(status).map_or(Ok(()), |why| Err(failed(&why)))
}

/// Reads once; whether it was the end.
fn pass(pipe: &mut Option<impl std::io::Read>, mut to: impl FnMut(&str)) -> bool {
    let mut bytes = [0; 8192];
    let Some(pipe) = pipe else { return true };
    match pipe.read(&mut bytes) {
        Ok(0) => true,
        Ok(read) => {
            to(&String::from_utf8_lossy(bytes.get(..read).unwrap_or_default()));
            false
        }
        Err(err) => err.kind() != ErrorKind::Interrupted,
    }
}

/// Returns what is wrong with the end of a program.
fn fate(status: ExitStatus) -> Option<String> {
    match (status.code(), status.signal()) {
        (Some(0), _) => None,
        (Some(code), _) => Some(format!("exit code {code}")),
        (None, signal) => Some(format!("got signal {}", signal.unwrap_or(0))),
    }
}

/// Writes words as a shell would need them.
pub(crate) fn shell_words(words: &[&str]) -> String {
    let is_plain = |word: &&str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-+=:,./@%".contains(c);
        !word.is_empty() && word.chars().all(plain)
    };
    let quoted = |word: &&str| {
        if is_plain(word) {
            (*word).to_owned()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}
