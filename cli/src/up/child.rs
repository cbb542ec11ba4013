//! The processes `phoenix up` keeps.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::error::UpError;

/// A program and its arguments.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    path: PathBuf,
    args: Vec<OsString>,
    log: Option<PathBuf>,
}

/// A process that is kept.
pub(crate) struct Child {
    name: &'static str,
    process: tokio::process::Child,
    pid: u32,
}

impl Program {
    /// Returns this very program.
    pub(crate) fn this() -> Result<Self, UpError> {
        std::env::current_exe().map(|path| Self::at(&path)).map_err(UpError::NotStarted)
    }

    pub(crate) fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), args: Vec::new(), log: None }
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    pub(crate) fn args(self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    /// Writes what it says into a file instead of onto our screen.
    pub(crate) fn log(mut self, path: PathBuf) -> Self {
        self.log = Some(path);
        self
    }
}

impl Child {
    /// Starts it, in a process group of its own: a Ctrl-C is ours to pass on, in the right order.
    pub(crate) fn start(name: &'static str, program: &Program) -> Result<Self, UpError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "these are our own programs; a hypervisor's are started in hypervisor::command"
        )]
        let mut command = tokio::process::Command::new("setpriv");
        // Should we be killed, it is asked to end: it would keep what the next one needs.
        command.args(["--pdeathsig", "TERM", "--"]).arg(&program.path).args(&program.args);
        command.stdin(Stdio::null()).process_group(0);
        if let Some(path) = &program.log {
            let log = File::options().create(true).append(true).open(path);
            let log = log.map_err(|err| UpError::Folder { path: path.clone(), err })?;
            command.stdout(Stdio::null()).stderr(log);
        }
        let no_program = |err| UpError::NoProgram { name, program: program.path.clone(), err };
        if !is_there(&program.path) {
            return Err(no_program(ErrorKind::NotFound.into()));
        }
        let process = command.spawn().map_err(no_program)?;
        let pid = process.id().unwrap_or_default();
        Ok(Self { name, process, pid })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits until it has ended by itself, and says how.
    pub(crate) async fn ended(&mut self) -> String {
        match self.process.wait().await {
            Ok(status) => format!("{} (process {}) ended: {}", self.name, self.pid, how(status)),
            Err(err) => format!("{} (process {}) is lost: {err}", self.name, self.pid),
        }
    }

    /// Asks it to end, and kills it where it does not within its time.
    pub(crate) async fn end(&mut self, grace: Duration) {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // One that has ended already is as good.
            let _ended = kill_process(pid, Signal::TERM);
        }
        if tokio::time::timeout(grace, self.process.wait()).await.is_err() {
            drop(self.process.kill().await);
        }
    }
}

/// Says whether there is a program of this name, here or on the path.
fn is_there(program: &Path) -> bool {
    if program.components().count() > 1 {
        return program.exists();
    }
    #[expect(clippy::disallowed_methods, reason = "where the system itself looks for programs")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn how(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => status.to_string(),
    }
}
