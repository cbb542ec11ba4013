//! The program `git`, run so that nothing it finds on this machine or in a repository runs anything else.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use phoenix_service::Started;
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

use super::git::GitError;

/// Where `git` and what it starts are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How much is read of why a command failed.
const SAID: u64 = 4096;
/// The most that is read of what a command prints: more than any configuration has.
pub(super) const LARGEST: u64 = 64 * 1024 * 1024;

/// The program.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// Its path, or its name.
    pub(super) path: PathBuf,
    /// What it takes for the home of its user: there is nothing in it.
    pub(super) home: PathBuf,
}

/// How a command ended.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) out: Vec<u8>,
    pub(super) said: String,
}

impl Program {
    /// Runs a command on a repository to its end, or to its deadline. Nothing of what it starts stays
    /// behind.
    pub(super) async fn run(
        &self,
        at: &Path,
        args: &[&str],
        limit: Duration,
    ) -> Result<Ended, GitError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the submitter has no hypervisor, and this is the one process it starts"
        )]
        let mut command = tokio::process::Command::new(&self.path);
        command
            // What a repository or a machine has set up would run programs of its own.
            .args([
                "-c",
                "core.hooksPath=/dev/null",
                "-c",
                "gc.auto=0",
                "-c",
                "maintenance.auto=false",
            ])
            .arg("--git-dir")
            .arg(at)
            .args(args)
            .current_dir(&self.home)
            .env_clear()
            .env("PATH", PATH)
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", &self.home)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ALLOW_PROTOCOL", "file:https:ssh")
            // Nobody is there to be asked.
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_LITERAL_PATHSPECS", "1")
            .env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut started = Started::of(command.spawn().map_err(GitError::NotStarted)?);
        let (stdout, stderr) = (started.child.stdout.take(), started.child.stderr.take());
        let ended = async {
            let (mut out, mut said) = (Vec::new(), Vec::new());
            let hear = async {
                if let Some(stdout) = stdout {
                    stdout.take(LARGEST + 1).read_to_end(&mut out).await.map(drop)?;
                }
                io::Result::Ok(())
            };
            let listen = async {
                if let Some(mut stderr) = stderr {
                    (&mut stderr).take(SAID).read_to_end(&mut said).await?;
                    // One that is not listened to stops in the middle of its work.
                    tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await?;
                }
                io::Result::Ok(())
            };
            let (heard, listened, status) = tokio::join!(hear, listen, started.child.wait());
            heard?;
            listened?;
            let said = phoenix_post::clean(&String::from_utf8_lossy(&said));
            io::Result::Ok(Ended { status: status?, out, said })
        };
        let what = args.first().copied().unwrap_or_default().to_owned();
        match timeout(limit, ended).await {
            Ok(ended) => ended.map_err(GitError::NotStarted),
            Err(_) => Err(GitError::Late { what, limit }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use rustix::process::{Pid, test_kill_process};
    use tempfile::TempDir;

    use super::*;

    fn program(folder: &TempDir) -> Program {
        Program { path: folder.path().join("git"), home: folder.path().to_owned() }
    }

    #[tokio::test]
    async fn where_there_is_no_git_it_is_told_how_to_come_by_one() {
        let folder = TempDir::new().unwrap();

        let limit = Duration::from_mins(1);
        let ended = program(&folder).run(folder.path(), &["init"], limit).await;

        let err = ended.map(|ended| ended.said).unwrap_err();

        assert!(matches!(err, GitError::NotStarted(_)), "{err}");
        assert_eq!(err.advice(), "install it: `apt install git`");
    }

    #[tokio::test]
    async fn what_does_not_end_is_ended_with_all_that_it_has_started() {
        let folder = TempDir::new().unwrap();
        let script = "#!/bin/sh\nsleep 60 &\necho $! > child.new\nmv child.new child\nwait\n";
        let program = program(&folder);
        fs::write(&program.path, script).unwrap();
        fs::set_permissions(&program.path, fs::Permissions::from_mode(0o755)).unwrap();
        let child = folder.path().join("child");

        let err = loop {
            // However slow the machine is, once it has started something in time.
            let ended = program.run(folder.path(), &["fetch"], Duration::from_millis(200)).await;
            if child.exists() {
                break ended.map(|ended| ended.said).unwrap_err();
            }
        };

        assert!(matches!(err, GitError::Late { .. }), "{err}");
        let child: i32 = fs::read_to_string(child).unwrap().trim().parse().unwrap();
        let is_gone = async {
            while test_kill_process(Pid::from_raw(child).unwrap()).is_ok() && !is_zombie(child) {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(20), is_gone).await.expect("it is killed");
    }

    /// Says whether it has ended, and nobody has asked how.
    fn is_zombie(pid: i32) -> bool {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'))
    }
}
