//! How a host can fail us.

use std::io;
use std::time::Duration;

use phoenix_domain::{PackName, SecretRef, Verdict};
use thiserror::Error;

use crate::NotGiven;
use crate::agent::{AgentError, JobError};

/// How a host can fail us.
#[derive(Debug, Error)]
pub enum HostError {
    /// Something else is at the guest or at what the change needs.
    #[error("{what} is locked ({by})")]
    Locked {
        /// What.
        what: String,
        /// By whom.
        by: String,
    },
    /// A change was tried and failed.
    #[error("{what} failed: {why}")]
    Failed {
        /// What was tried.
        what: String,
        /// How it ended.
        why: String,
        /// The end of what it printed.
        output: String,
    },
    /// A change did not come to its end in time. What it has done is not known.
    #[error("{what} did not end within {} s", limit.as_secs())]
    TimedOut {
        /// What was tried.
        what: String,
        /// The time it had.
        limit: Duration,
        /// The end of what it printed.
        output: String,
    },
    /// There is no room.
    #[error("storage {storage} is full")]
    Full {
        /// Where.
        storage: String,
    },
    /// The host does not answer.
    #[error("the host does not answer")]
    Unreachable {
        /// Why.
        #[source]
        err: io::Error,
    },
    /// The host will never do this.
    #[error("{what} is not possible: {why}")]
    Impossible {
        /// What was asked.
        what: String,
        /// Why not.
        why: String,
    },
    /// What was run inside of a guest says that it never can.
    #[error("{what} refuses: {why}")]
    Refused {
        /// What was run.
        what: String,
        /// What it says.
        why: String,
        /// The end of what it printed.
        output: String,
    },
    /// A secret that a guest is to be given cannot be had.
    #[error("the secret {name} ({secret}) cannot be had")]
    NotGiven {
        /// The name under which the guest asks for it.
        name: String,
        /// Where it is kept.
        secret: SecretRef,
        /// Why not.
        #[source]
        err: Box<NotGiven>,
    },
    /// What was brought along with a guest is nowhere any more.
    #[error(
        "{what} was brought along (pack {}), and is neither on this host nor in the library of NATS",
        pack.short()
    )]
    NotBrought {
        /// What.
        what: String,
        /// Its pack.
        pack: PackName,
    },
    /// The agent in a machine cannot do it, or does not say so.
    #[error("{what} failed")]
    Agent {
        /// What was tried.
        what: String,
        /// Why.
        #[source]
        err: AgentError,
    },
    /// What was run in a machine did not come to an end that anybody knows.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The host said something we do not understand.
    #[error("{what} cannot be understood: {why}")]
    Unreadable {
        /// What was read.
        what: String,
        /// What is wrong with it.
        why: String,
    },
}

impl HostError {
    /// Returns what to do about it.
    pub fn verdict(&self) -> Verdict {
        match self {
            // A backup may hold it for an hour, and that is nobody's failure.
            Self::Locked { .. } => Verdict::Wait,
            // A storage that is busy: most failures pass. Retrying a doomed change costs a minute;
            // not retrying a passing one costs a guest.
            Self::Failed { .. }
            | Self::TimedOut { .. }
            | Self::Full { .. }
            | Self::Unreachable { .. } => Verdict::Retry,
            Self::Impossible { .. } => Verdict::GiveUp,
            Self::NotGiven { err, .. } => err.verdict,
            Self::Agent { err, .. } => err.verdict(),
            Self::Job(err) => err.verdict(),
            // A host we have not met, and no attempt will teach us its language; or a script whose
            // last line says what is to be mended.
            Self::Unreadable { .. } | Self::Refused { .. } | Self::NotBrought { .. } => {
                Verdict::AskHuman
            }
        }
    }

    /// Returns the end of what the tool printed.
    pub fn output(&self) -> Option<&str> {
        match self {
            Self::Failed { output, .. }
            | Self::TimedOut { output, .. }
            | Self::Refused { output, .. } => {
                Some(output.as_str()).filter(|output| !output.is_empty())
            }
            Self::Job(err) => err.output(),
            Self::Locked { .. }
            | Self::Full { .. }
            | Self::Unreachable { .. }
            | Self::Impossible { .. }
            | Self::NotGiven { .. }
            | Self::NotBrought { .. }
            | Self::Agent { .. }
            | Self::Unreadable { .. } => None,
        }
    }

    /// Returns what a human can do.
    pub fn advice(&self) -> Option<&str> {
        match self {
            Self::NotGiven { err, .. } => Some(&err.advice),
            Self::NotBrought { .. } => Some("submit the guest again: that brings it"),
            Self::Agent { err, .. } => err.advice(),
            Self::Job(err) => err.advice(),
            Self::Locked { .. } => Some("it goes on when the lock is gone; a backup may hold it"),
            Self::Full { .. } => Some("free space on the storage, or ask for smaller disks"),
            Self::Unreachable { .. } => Some("see whether the host runs and can be reached"),
            Self::Refused { .. } | Self::Impossible { .. } => {
                Some("mend what it says, then submit the guest again")
            }
            Self::Unreadable { .. } => Some("look at it by hand; the host may be of a new version"),
            Self::Failed { .. } | Self::TimedOut { .. } => None,
        }
    }
}
