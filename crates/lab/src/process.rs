//! The programs a lab is made of: those that are run to their end, and those that are kept.
//!
//! A change of a guest is made in `hypervisor::command`; here is what has to be there before.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncWriteExt as _;

use crate::error::LabError;

/// How long a helper has to end.
const GRACE: Duration = Duration::from_secs(5);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(10);

/// A process that is kept, in a process group of its own: a Ctrl-C is not meant for it.
#[derive(Debug)]
pub(crate) struct Helper {
    process: Child,
}

impl Helper {
    /// Starts it. What it says goes into a file, and its number into another: should we be killed, the
    /// next one finds it there.
    pub(crate) fn start(words: &[&str], log: &Path, numbers: &Path) -> Result<Self, LabError> {
        let [program, rest @ ..] = words else { return Err(nothing()) };
        let wrap = |path: &Path| {
            let path = path.to_owned();
            move |err| LabError::File { path, err }
        };
        let log_file = File::options().create(true).append(true).open(log).map_err(wrap(log))?;
        #[expect(clippy::disallowed_methods, reason = "what a lab is made of")]
        let mut command = Command::new(program);
        command.args(rest).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log_file);
        let process = command.process_group(0).spawn().map_err(not_started(program))?;
        let helper = Self { process };
        let mut file =
            File::options().create(true).append(true).open(numbers).map_err(wrap(numbers))?;
        writeln!(file, "{}", helper.process.id()).map_err(wrap(numbers))?;
        Ok(helper)
    }

    /// Asks it to end, and kills it where it does not within its time.
    pub(crate) fn end(&mut self) {
        let _ended = signal(self.process.id(), Signal::TERM);
        let begun = Instant::now();
        while begun.elapsed() < GRACE {
            match self.process.try_wait() {
                Ok(None) => sleep(LOOK),
                Ok(Some(_)) | Err(_) => return,
            }
        }
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }
}

/// A process that is kept, and killed with its value: it has nothing to put away.
#[derive(Debug)]
pub(crate) struct Kept {
    process: Child,
}

impl Kept {
    /// Starts it; what it says goes into a file.
    pub(crate) fn start(words: &[String], log: &Path) -> Result<Self, LabError> {
        let [program, rest @ ..] = words else { return Err(nothing()) };
        let open = || -> std::io::Result<_> {
            let out = File::create(log)?;
            Ok((out.try_clone()?, out))
        };
        let (out, err) = open().map_err(|err| LabError::File { path: log.to_owned(), err })?;
        #[expect(clippy::disallowed_methods, reason = "what a lab is made of")]
        let mut command = Command::new(program);
        command.args(rest).stdin(Stdio::null()).stdout(out).stderr(err);
        let process = command.process_group(0).spawn().map_err(not_started(program))?;
        Ok(Self { process })
    }

    /// Says whether it has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }
}

/// Ends helpers whose starter was killed: those whose numbers were noted, as far as their command line
/// still has this name in it.
pub(crate) fn end_strays(numbers: &Path, name: &str) {
    let noted = fs::read_to_string(numbers).unwrap_or_default();
    for number in noted.lines().filter_map(|line| line.parse::<u32>().ok()) {
        let line = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&line).contains(name) {
            let _ended = signal(number, Signal::KILL);
        }
    }
}

fn signal(number: u32, signal: Signal) -> Option<()> {
    let pid = i32::try_from(number).ok().and_then(Pid::from_raw)?;
    kill_process(pid, signal).ok()
}

/// Runs something to its end, which has to be a good one.
pub(crate) fn run(words: &[&str]) -> Result<Output, LabError> {
    let ended = ask(words)?;
    if ended.status.success() {
        return Ok(ended);
    }
    let said = last_line(&String::from_utf8_lossy(&ended.stderr));
    Err(LabError::Failed { line: words.join(" "), how: how(ended.status), said })
}

/// Runs something to its end, whichever.
pub(crate) fn ask(words: &[&str]) -> Result<Output, LabError> {
    let [program, rest @ ..] = words else { return Err(nothing()) };
    #[expect(clippy::disallowed_methods, reason = "what a lab is made of")]
    let ended = Command::new(program).args(rest).stdin(Stdio::null()).process_group(0).output();
    ended.map_err(not_started(program))
}

/// How a program ended that others waited for.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs something that may take its time, in a folder. Where nobody waits any more it is killed.
pub(crate) async fn wait_for(
    words: &[impl AsRef<OsStr>],
    folder: &Path,
    input: &[u8],
) -> Result<Ended, LabError> {
    let Some((program, rest)) = words.split_first() else { return Err(nothing()) };
    let name = program.as_ref().to_string_lossy().into_owned();
    #[expect(clippy::disallowed_methods, reason = "what a lab is made of")]
    let mut command = tokio::process::Command::new(program);
    command.args(rest).current_dir(folder).process_group(0).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(not_started(&name))?;
    let stdin = child.stdin.take();
    let feed = async {
        if let Some(mut stdin) = stdin {
            // Whoever reads no more says why in its own words.
            drop(stdin.write_all(input).await);
        }
    };
    let ((), ended) = tokio::join!(feed, child.wait_with_output());
    let ended = ended.map_err(not_started(&name))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Ended { code: ended.status.code(), out: text(&ended.stdout), err: text(&ended.stderr) })
}

/// Returns what a short program prints in a folder, to the byte.
pub(crate) fn output_of(words: &[&str], folder: &Path) -> Result<Vec<u8>, LabError> {
    let [program, rest @ ..] = words else { return Err(nothing()) };
    #[expect(clippy::disallowed_methods, reason = "what a lab is made of")]
    let ended = Command::new(program).args(rest).current_dir(folder).stdin(Stdio::null()).output();
    let ended = ended.map_err(not_started(program))?;
    if ended.status.success() {
        return Ok(ended.stdout);
    }
    let said = last_line(&String::from_utf8_lossy(&ended.stderr));
    Err(LabError::Failed { line: words.join(" "), how: how(ended.status), said })
}

/// Returns the last line that says something.
pub(crate) fn last_line(text: &str) -> String {
    last_lines(text, 1)
}

/// Returns the last few lines that say something, as one.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let said = text.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    let mut said: Vec<_> = said.take(count).collect();
    said.reverse();
    said.join("; ")
}

/// Says how a program ended that others waited for.
pub(crate) fn how_ended(code: Option<i32>) -> String {
    code.map_or_else(|| "killed by a signal".to_owned(), |code| format!("exit code {code}"))
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => status.to_string(),
    }
}

fn not_started(program: &str) -> impl FnOnce(std::io::Error) -> LabError {
    let program = program.to_owned();
    move |err| LabError::NotStarted { program, err }
}

fn nothing() -> LabError {
    LabError::NotStarted {
        program: "nothing".to_owned(),
        err: std::io::Error::from(std::io::ErrorKind::InvalidInput),
    }
}
