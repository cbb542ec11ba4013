//! The repository that holds the configuration, as the program `git` fetches it into one of ours.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use phoenix_hooks::CommitId;
use phoenix_service::Started;
use thiserror::Error;
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

/// Where `git` and what it starts are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How long one command may take that asks another machine.
const FAR: Duration = Duration::from_mins(5);
/// How long one command may take that reads our own copy.
const NEAR: Duration = Duration::from_mins(1);
/// How much is read of why a command failed.
const SAID: u64 = 4096;
/// The most bytes of the configuration, as an archive.
const LARGEST: u64 = 64 * 1024 * 1024;

/// The repository, and our copy of it.
#[derive(Clone, Debug)]
pub(super) struct Git {
    /// The program.
    pub(super) program: PathBuf,
    /// From where it is fetched.
    pub(super) url: String,
    /// The branch, without `refs/heads/`.
    pub(super) branch: String,
    /// Our copy; nobody else writes there.
    pub(super) copy: PathBuf,
    /// What `git` takes for the home of its user: there is nothing in it.
    pub(super) home: PathBuf,
}

/// Why a command of `git` did not bring what it was to.
#[derive(Debug, Error)]
pub(super) enum GitError {
    /// There is no such program, or it cannot be started.
    #[error("`git` cannot be started")]
    NotStarted(#[source] io::Error),
    /// It took too long, and was ended.
    #[error("`git {what}` had not ended after {} s", limit.as_secs())]
    Late { what: String, limit: Duration },
    /// It ended badly.
    #[error("`git {what}` failed: {said}")]
    Failed { what: String, said: String },
    /// The branch is not there.
    #[error("there is no branch {branch} in {url}")]
    NoBranch { branch: String, url: String },
    /// It is more than a configuration is.
    #[error("the folder has more than {} MiB", LARGEST / 1024 / 1024)]
    TooLarge,
}

/// How a command ended.
struct Ended {
    status: ExitStatus,
    out: Vec<u8>,
    said: String,
}

impl Git {
    /// Makes sure that there is a `git`, and a copy to fetch into.
    pub(super) async fn begin(&self) -> Result<(), GitError> {
        self.good(&["init", "--quiet", "--bare"], NEAR).await.map(drop)
    }

    /// Fetches the branch, wherever it was moved. A copy that cannot be fetched into, such as one that a
    /// `git` was killed in the middle of, is made anew.
    pub(super) async fn fetch(&self) -> Result<(), GitError> {
        let Err(err) = self.try_fetch().await else { return Ok(()) };
        // Where the other side answers, it is our copy.
        if self.tip_there().await.is_err() {
            return Err(err);
        }
        let copy = self.copy.clone();
        // What cannot be removed is told by the next command.
        drop(tokio::task::spawn_blocking(move || std::fs::remove_dir_all(copy)).await);
        self.begin().await?;
        self.try_fetch().await
    }

    async fn try_fetch(&self) -> Result<(), GitError> {
        let spec = format!("+{0}:{0}", self.head());
        let args = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--", &self.url];
        let fetched = self.run(&[&args[..], &[&spec]].concat(), FAR).await?;
        if !fetched.status.success() && fetched.said.contains("find remote ref") {
            let (branch, url) = (self.branch.clone(), self.url.clone());
            return Err(GitError::NoBranch { branch, url });
        }
        good("fetch", fetched).map(drop)
    }

    /// Returns the tip of the branch as it was fetched last.
    pub(super) async fn tip(&self) -> Result<CommitId, GitError> {
        let out =
            self.good(&["rev-parse", "--verify", &format!("{}^0", self.head())], NEAR).await?;
        self.commit(&out)
    }

    /// Returns the tip of the branch as it is now, without fetching it.
    pub(super) async fn tip_there(&self) -> Result<CommitId, GitError> {
        let what = "ls-remote";
        let out = good(
            what,
            self.run_at(&self.home, &[what, "--", &self.url, &self.head()], FAR).await?,
        )?;
        self.commit(&out)
    }

    /// Says whether a commit is another one, or one before it. One that is not known is before none.
    pub(super) async fn is_within(&self, commit: &str, of: &str) -> Result<bool, GitError> {
        let what = ["merge-base", "--is-ancestor", commit, of];
        Ok(self.run(&what, NEAR).await?.status.success())
    }

    /// Returns the files below these folders that one commit has otherwise than another.
    pub(super) async fn changed(
        &self,
        from: &str,
        to: &str,
        folders: &[String],
    ) -> Result<Vec<String>, GitError> {
        let args = ["diff", "--name-only", "--no-renames", "-z", from, to, "--"];
        let folders: Vec<_> = folders.iter().map(String::as_str).collect();
        let out = self.good(&[&args[..], &folders].concat(), NEAR).await?;
        let names = String::from_utf8_lossy(&out).into_owned();
        Ok(names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    /// Returns the files of a folder of a commit, as an archive.
    pub(super) async fn archive(&self, commit: &str, folder: &str) -> Result<Vec<u8>, GitError> {
        let tree = if folder.is_empty() { commit.to_owned() } else { format!("{commit}:{folder}") };
        let out = self.good(&["archive", "--format=tar", &tree], NEAR).await?;
        if out.len() as u64 > LARGEST { Err(GitError::TooLarge) } else { Ok(out) }
    }

    fn head(&self) -> String {
        format!("refs/heads/{}", self.branch)
    }

    fn commit(&self, out: &[u8]) -> Result<CommitId, GitError> {
        let text = String::from_utf8_lossy(out);
        let first = text.split_whitespace().next().and_then(|word| word.parse().ok());
        let (branch, url) = (self.branch.clone(), self.url.clone());
        first.ok_or(GitError::NoBranch { branch, url })
    }

    async fn good(&self, args: &[&str], limit: Duration) -> Result<Vec<u8>, GitError> {
        let what = args.first().copied().unwrap_or_default();
        good(what, self.run(args, limit).await?)
    }

    async fn run(&self, args: &[&str], limit: Duration) -> Result<Ended, GitError> {
        self.run_at(&self.copy, args, limit).await
    }

    /// Runs a command on a repository to its end, or to its deadline. Nothing of what it starts stays
    /// behind.
    async fn run_at(&self, at: &Path, args: &[&str], limit: Duration) -> Result<Ended, GitError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the submitter has no hypervisor, and this is the one process it starts"
        )]
        let mut command = tokio::process::Command::new(&self.program);
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

impl GitError {
    /// Says what to do, where that is more than to try again.
    pub(super) fn advice(&self) -> &'static str {
        match self {
            Self::NotStarted(_) => "install it: `apt install git`",
            Self::Late { .. } | Self::Failed { .. } => {
                "`git ls-remote` as the user of `phoenix serve` says whether that one may read it"
            }
            Self::NoBranch { .. } => "`fleet.branch` names it",
            Self::TooLarge => "`fleet.folder` names the folder with the configuration alone",
        }
    }
}

fn good(what: &str, ended: Ended) -> Result<Vec<u8>, GitError> {
    if ended.status.success() {
        return Ok(ended.out);
    }
    // One whose output nobody would read to its end has too much of it.
    if ended.out.len() as u64 > LARGEST {
        return Err(GitError::TooLarge);
    }
    Err(GitError::Failed { what: what.to_owned(), said: ended.said })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use rustix::process::{Pid, test_kill_process};
    use tempfile::TempDir;

    use super::*;

    fn git(folder: &TempDir, program: PathBuf) -> Git {
        let (copy, home) = (folder.path().join("copy.git"), folder.path().to_owned());
        Git { program, url: "/nowhere".to_owned(), branch: "main".to_owned(), copy, home }
    }

    #[tokio::test]
    async fn where_there_is_no_git_it_is_told_how_to_come_by_one() {
        let folder = TempDir::new().unwrap();

        let err = git(&folder, folder.path().join("git")).begin().await.unwrap_err();

        assert!(matches!(err, GitError::NotStarted(_)), "{err}");
        assert_eq!(err.advice(), "install it: `apt install git`");
    }

    #[tokio::test]
    async fn what_does_not_end_is_ended_with_all_that_it_has_started() {
        let folder = TempDir::new().unwrap();
        let program = folder.path().join("git");
        let script = "#!/bin/sh\nsleep 1000 &\necho $! > child.new\nmv child.new child\nwait\n";
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let git = git(&folder, program);
        let child = folder.path().join("child");

        let err = loop {
            // However slow the machine is, once it has started something in time.
            let ended = git.run(&["fetch"], Duration::from_millis(200)).await;
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
        timeout(Duration::from_mins(1), is_gone).await.expect("it is killed");
    }

    /// Says whether it has ended, and nobody has asked how.
    fn is_zombie(pid: i32) -> bool {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'))
    }
}
