//! Why there is no lab.

use std::io;
use std::path::PathBuf;

use phoenix_hypervisor::HostError;
use thiserror::Error;

/// Why there is no lab.
#[derive(Debug, Error)]
pub enum LabError {
    /// Containers of this machine are root's.
    #[error("real containers need root")]
    NotRoot,
    /// Programs are missing.
    #[error("{} {} not on this machine", programs.join(", "), if programs.len() == 1 { "is" } else { "are" })]
    Missing {
        /// Which.
        programs: Vec<&'static str>,
        /// What Debian calls them.
        packages: Vec<&'static str>,
    },
    /// A program did not do what it was started for.
    #[error("`{line}` failed ({how}){}", if said.is_empty() { String::new() } else { format!(": {said}") })]
    Failed {
        /// What was typed, so to speak.
        line: String,
        /// How it ended.
        how: String,
        /// The end of what it said.
        said: String,
    },
    /// A program could not be started.
    #[error("cannot start {program}")]
    NotStarted {
        /// Which.
        program: String,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// A file or folder cannot be used.
    #[error("cannot use {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// Something of a lab is still there.
    #[error("{} is still in use", path.display())]
    Stays {
        /// Which folder.
        path: PathBuf,
    },
    /// What machines are made of is not there.
    #[error("{} is missing, which virtual machines are made of", path.display())]
    NoKit {
        /// What is not there.
        path: PathBuf,
    },
    /// No container can be called or numbered like this.
    #[error("a container cannot be described")]
    Refused(#[from] phoenix_domain::Refused),
    /// The driver of containers failed.
    #[error("the container cannot be worked on")]
    Host(#[from] HostError),
}

impl LabError {
    /// Returns what a human can do.
    pub fn advice(&self) -> Option<String> {
        match self {
            Self::NotRoot => Some("start it with sudo".to_owned()),
            Self::Missing { packages, .. } => {
                Some(format!("`apt-get install {}`", packages.join(" ")))
            }
            Self::Stays { path } => Some(format!(
                "see who uses it: `fuser -vm {0}`; the next trial takes it away, or `umount {0}` does",
                path.display()
            )),
            Self::NoKit { .. } => Some("`cargo xtask test` makes it".to_owned()),
            Self::NotStarted { .. }
            | Self::File { .. }
            | Self::Failed { .. }
            | Self::Refused(_) => None,
            Self::Host(err) => err.advice().map(str::to_owned),
        }
    }
}
