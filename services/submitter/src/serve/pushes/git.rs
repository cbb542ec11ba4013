//! The repository that holds the configuration, as the program `git` fetches it into one of ours.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use phoenix_hooks::CommitId;
use thiserror::Error;

use super::program::{Ended, LARGEST, Program};

/// How long one command may take that asks another machine.
const FAR: Duration = Duration::from_mins(5);
/// How long one command may take that reads our own copy.
const NEAR: Duration = Duration::from_mins(1);

/// The repository, and our copy of it.
#[derive(Clone, Debug)]
pub(super) struct Git {
    pub(super) program: Program,
    /// From where it is fetched.
    pub(super) url: String,
    /// The branch, without `refs/heads/`.
    pub(super) branch: String,
    /// Our copy; nobody else writes there.
    pub(super) copy: PathBuf,
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
            self.program
                .run(&self.program.home, &[what, "--", &self.url, &self.head()], FAR)
                .await?,
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

    /// Returns the first line of what is said of a commit.
    pub(super) async fn subject(&self, commit: &str) -> Result<String, GitError> {
        let out = self.good(&["show", "--no-patch", "--format=%s", commit, "--"], NEAR).await?;
        Ok(String::from_utf8_lossy(&out).trim().to_owned())
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
        self.program.run(&self.copy, args, limit).await
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
