//! Why a health monitor cannot go on.

use phoenix_bus::BusError;
use thiserror::Error;

/// Why a health monitor cannot go on.
#[derive(Debug, Error)]
pub enum MonitorError {
    /// The bus cannot be used.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The program could not be started.
    #[error("the program cannot be started")]
    NotStarted(#[source] std::io::Error),
}

impl MonitorError {
    /// Returns what a human can do about it.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Bus(BusError::NotSetUp { .. }) => {
                Some("start a worker first: it makes the streams")
            }
            Self::Bus(_) => Some("see whether NATS is there: `phoenix status` asks it too"),
            Self::NotStarted(_) => None,
        }
    }
}
