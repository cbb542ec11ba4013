//! Why a worker cannot work.

use std::io;
use std::path::PathBuf;

use phoenix_bus::BusError;
use phoenix_hypervisor::HostError;
use phoenix_secrets::SaltError;
use phoenix_service::LogError;
use thiserror::Error;

/// Why a worker cannot work.
#[derive(Debug, Error)]
pub enum WorkerError {
    /// The bus.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The host.
    #[error("the host cannot be worked on")]
    Host(#[source] HostError),
    /// A folder of its own.
    #[error("cannot use {}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// A setting is missing.
    #[error("{what} is missing")]
    Missing {
        /// Which.
        what: &'static str,
    },
    /// What tells secrets apart cannot be had.
    #[error("cannot look after secrets")]
    Salt(#[source] SaltError),
    /// What it does could not be told.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The system.
    #[error("cannot start")]
    NotStarted(#[source] io::Error),
}

impl WorkerError {
    /// Returns what a human can do.
    pub fn advice(&self) -> Vec<String> {
        let one = |text: &str| vec![text.to_owned()];
        match self {
            Self::Bus(err) => err.advice().into_iter().map(str::to_owned).collect(),
            Self::Host(err) => err.advice().map(str::to_owned).into_iter().collect(),
            Self::Salt(err) => vec![err.advice()],
            Self::Folder { .. } => one("name another: `--run-dir DIR`, `--state-dir DIR`"),
            Self::Missing { .. } => one("`phoenix-worker --help` lists all settings"),
            Self::Log(err) => one(err.advice()),
            Self::NotStarted(_) => Vec::new(),
        }
    }

    /// Returns the exit code it ends with.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Bus(BusError::Unreachable { .. } | BusError::Unknown { .. }) => 7,
            Self::Bus(
                BusError::NotTrusted { .. }
                | BusError::NotLetIn { .. }
                | BusError::BadCredentials { .. }
                | BusError::NotPermitted { .. },
            ) => 4,
            Self::Missing { .. } => 64,
            Self::Bus(_)
            | Self::Host(_)
            | Self::Salt(_)
            | Self::Folder { .. }
            | Self::Log(_)
            | Self::NotStarted(_) => 1,
        }
    }
}
