//! Why a health monitor cannot go on.

use std::path::PathBuf;

use phoenix_bus::BusError;
use phoenix_service::LogError;
use thiserror::Error;

/// Why a health monitor cannot go on.
#[derive(Debug, Error)]
pub enum MonitorError {
    /// The bus cannot be used.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// Guests cannot be reached.
    #[error("the network namespace of {} cannot be entered", netns.display())]
    NoNamespace {
        /// The file.
        netns: PathBuf,
        /// Why not.
        #[source]
        err: std::io::Error,
    },
    /// The channels file cannot be used.
    #[error("the channels file is refused\n\n{}", .0.trim_end())]
    Channels(String),
    /// Nobody who is called could be trusted to be who they are.
    #[error("the certificates of this machine cannot be read")]
    NoCertificates(#[source] std::io::Error),
    /// What it does could not be told.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The program could not be started.
    #[error("the program cannot be started")]
    NotStarted(#[source] std::io::Error),
}

impl MonitorError {
    /// Returns what a human can do about it.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Bus(BusError::NotSetUp { .. } | BusError::NotThere { .. }) => {
                Some("start a worker first: it makes the streams")
            }
            Self::Bus(_) => Some("see whether NATS is there: `phoenix status` asks it too"),
            Self::NoNamespace { .. } => Some(
                "`--netns` takes a file of `ip netns` or of `/proc/PID/ns/net`, and root or CAP_SYS_ADMIN",
            ),
            Self::Channels(_) => Some("`phoenix schema channels` says what can be written"),
            Self::NoCertificates(_) => Some("install the package `ca-certificates`"),
            Self::Log(err) => Some(err.advice()),
            Self::NotStarted(_) => None,
        }
    }
}
