//! Why nothing was backed up, or put back.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why nothing was backed up, or put back.
#[derive(Debug, Error)]
pub(crate) enum BackupError {
    /// The file would be overwritten.
    #[error("{} is there already", path.display())]
    There { path: PathBuf },
    /// The file could not be written.
    #[error("cannot write {}", path.display())]
    NotWritten {
        path: PathBuf,
        #[source]
        err: io::Error,
    },
    /// The file could not be read.
    #[error("cannot read {}", path.display())]
    NotRead {
        path: PathBuf,
        #[source]
        err: io::Error,
    },
    /// The file is not what was written.
    #[error("{} is no whole backup: {why}", path.display())]
    Damaged { path: PathBuf, why: String },
    /// NATS has nothing of ours.
    #[error("NATS has no streams of Phoenix")]
    Nothing,
    /// Somebody would go on with what he has read of it before.
    #[error("work is taken from it on {hosts}")]
    Worked { hosts: String },
    /// Something would be lost.
    #[error("NATS holds something already: {what}")]
    InUse { what: String },
}

impl BackupError {
    /// Returns what to do about it.
    pub(crate) fn hints(&self) -> Vec<String> {
        let one = |hint: &str| vec![hint.to_owned()];
        match self {
            Self::There { .. } => one("nothing was written; name another file"),
            Self::NotWritten { .. } | Self::NotRead { .. } => Vec::new(),
            Self::Damaged { .. } => one("nothing was touched; take another one"),
            Self::Nothing => one("name the right server: `--nats-url nats://HOST:4222`"),
            Self::Worked { .. } => one(
                "nothing was touched; end the workers first: `systemctl stop phoenix-worker`; one that was killed counts as gone after 45s",
            ),
            Self::InUse { .. } => {
                one("nothing was touched; `--over` gives it up for what is in the file")
            }
        }
    }
}
