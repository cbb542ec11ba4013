//! Starts a process of the host: the one place of this crate that does.
//!
//! What is started may outlive us. It runs in its own process group and inherits the lock it works
//! under, so that a setup that was killed leaves the lock with what it had begun.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt as _, FdMapping};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, Signal, kill_process_group};

/// Where programs are looked for.
pub(crate) const FOLDERS: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// The number under which a child finds the lock.
const LOCK: i32 = 3;
/// How often a process is looked after.
const LOOK: Duration = Duration::from_millis(5);
/// How much of what a process printed is kept.
const KEPT: u64 = 4 << 20;

/// How a process ended, and what it printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub out: String,
    /// What it said about that.
    pub err: String,
}

impl Answer {
    /// Says whether it ended well.
    pub fn is_good(&self) -> bool {
        self.code == Some(0)
    }

    /// Returns the last lines that say why it ended.
    pub fn said(&self) -> String {
        let text = if self.err.trim().is_empty() { &self.out } else { &self.err };
        let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let last = lines.get(lines.len().saturating_sub(3)..).unwrap_or_default();
        match self.code {
            Some(code) if last.is_empty() => format!("it ended with code {code}"),
            Some(code) => format!("it ended with code {code}: {}", last.join("; ")),
            None => format!("a signal ended it: {}", last.join("; ")),
        }
    }
}

/// Runs a program of a host to its end, or to its deadline.
pub(crate) fn run(
    root: &Path,
    argv: &[String],
    stdin: Option<&str>,
    lock: Option<&File>,
    limit: Duration,
) -> io::Result<Answer> {
    let (mut out, mut err) = (paper()?, paper()?);
    let mut child = start(root, argv, stdin, lock, &out, &err)?;
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begun.elapsed() >= limit {
            end(&mut child);
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("it had not ended after {} s", limit.as_secs()),
            ));
        }
        sleep(LOOK);
    };
    Ok(Answer { code: status.code(), out: text(&mut out)?, err: text(&mut err)? })
}

fn start(
    root: &Path,
    argv: &[String],
    stdin: Option<&str>,
    lock: Option<&File>,
    out: &File,
    err: &File,
) -> io::Result<Child> {
    let (program, words) =
        argv.split_first().ok_or_else(|| io::Error::other("a command without a program"))?;
    let mut command = if root == Path::new("/") {
        command(program)
    } else {
        let mut command = command("chroot");
        command.arg(root).arg(program);
        command
    };
    command
        .args(words)
        .current_dir("/")
        .env_clear()
        .env("PATH", FOLDERS.join(":"))
        .env("LC_ALL", "C.UTF-8")
        .env("HOME", "/root")
        // Nobody is there to be asked.
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(match stdin {
            None => Stdio::null(),
            Some(text) => {
                let mut paper = paper()?;
                paper.write_all(text.as_bytes())?;
                paper.rewind()?;
                Stdio::from(paper)
            }
        })
        .stdout(out.try_clone()?)
        .stderr(err.try_clone()?)
        .process_group(0);
    let locks = lock
        .map(|lock| Ok(FdMapping { parent_fd: OwnedFd::from(lock.try_clone()?), child_fd: LOCK }))
        .into_iter()
        .collect::<io::Result<_>>()?;
    command.fd_mappings(locks).map_err(io::Error::other)?;
    command.spawn()
}

fn command(program: &str) -> Command {
    #[expect(clippy::disallowed_methods, reason = "this is the one place of this crate")]
    Command::new(program)
}

fn end(child: &mut Child) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // What has ended by itself meanwhile is as good.
        let _ended = kill_process_group(pid, Signal::KILL);
    }
    drop(child.wait());
}

/// Makes a file in memory: a program whose pipe was closed dies in the middle of its work.
fn paper() -> io::Result<File> {
    Ok(File::from(memfd_create("phoenix-setup", MemfdFlags::CLOEXEC)?))
}

fn text(paper: &mut File) -> io::Result<String> {
    paper.rewind()?;
    let mut bytes = Vec::new();
    let _length = paper.take(KEPT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, limit: Duration) -> io::Result<Answer> {
        let argv = ["sh", "-c", script].map(str::to_owned);
        run(Path::new("/"), &argv, Some("what is read"), None, limit)
    }

    #[test]
    fn what_a_program_prints_and_how_it_ends_is_known() {
        let answer = sh("cat; echo why >&2; exit 7", Duration::from_mins(1)).unwrap();

        assert_eq!(answer.out, "what is read");
        assert_eq!(answer.said(), "it ended with code 7: why");
    }

    #[test]
    fn what_does_not_end_is_ended() {
        let err = sh("sleep 1000 & wait", Duration::from_millis(200)).unwrap_err();

        assert_eq!(err.kind(), io::ErrorKind::TimedOut);
    }
}
