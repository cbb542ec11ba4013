//! Why the configuration of nats-server was not written.

use std::io;
use std::path::PathBuf;

use phoenix_domain::NodeName;
use thiserror::Error;

/// Why the configuration of nats-server was not written.
#[derive(Debug, Error)]
pub(crate) enum NatsError {
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    NotRead {
        path: PathBuf,
        #[source]
        err: io::Error,
    },
    /// The file that remembers what was asked for is none.
    #[error("{} is not what `phoenix nats init` wrote", path.display())]
    NoLayout {
        path: PathBuf,
        #[source]
        err: serde_json::Error,
    },
    /// The folder is another cell's.
    #[error("{} is of cell {there}, and {wanted} is asked for", dir.display())]
    OtherCell { dir: PathBuf, there: NodeName, wanted: NodeName },
    /// Somebody else wrote a file.
    #[error("{} is there, and `phoenix nats init` did not write it", path.display())]
    NotOurs { path: PathBuf },
    /// A cluster of a number that has no majority to lose.
    #[error("a cluster of {count} servers stands still as soon as one is away")]
    Even { count: usize },
    /// Two servers have one name.
    #[error("two servers are called {name}")]
    Twice { name: String },
    /// No certificate could be made.
    #[error("cannot make a certificate")]
    NoCertificate(#[from] rcgen::Error),
}

impl NatsError {
    /// Returns what to do about it.
    pub(crate) fn hints(&self) -> Vec<String> {
        match self {
            Self::NotRead { .. } | Self::NoCertificate(_) => Vec::new(),
            Self::NoLayout { .. } | Self::OtherCell { .. } => {
                vec!["name another folder: `--dir DIR`".to_owned()]
            }
            Self::NotOurs { path } => vec![format!(
                "nothing was written; move it away, or name another folder: `mv {0} {0}.mine`",
                path.display()
            )],
            Self::Even { .. } => vec!["name three servers, or five".to_owned()],
            Self::Twice { .. } => vec!["give each server a name of its own".to_owned()],
        }
    }
}
