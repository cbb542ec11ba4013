//! Why nobody knows how a job ended, or why it did not.

use std::time::Duration;

use phoenix_domain::Verdict;
use thiserror::Error;

use crate::agent::AgentError;

/// Why nobody knows how a job ended, or why it did not.
#[derive(Debug, Error)]
pub enum JobError {
    /// The agent failed, or was away for too long.
    #[error("the job {name} cannot be followed")]
    Agent {
        /// Which job.
        name: String,
        /// Why.
        #[source]
        err: AgentError,
    },
    /// The guest cannot start it.
    #[error("the job {name} cannot be started in the guest: {said}")]
    NotStarted {
        /// Which job.
        name: String,
        /// What the guest says.
        said: String,
    },
    /// The guest started anew while it ran.
    #[error("the guest started anew while the job {name} ran")]
    Rebooted {
        /// Which job.
        name: String,
        /// The end of what it printed before.
        output: String,
    },
    /// It was killed from within, or somebody else has taken its result.
    #[error("the job {name} is gone from the guest, and how it ended is not known")]
    Lost {
        /// Which job.
        name: String,
        /// The end of what it printed before.
        output: String,
    },
    /// It did not end in time, and was killed with all that it has started.
    #[error("the job {name} did not end within {} s", limit.as_secs())]
    TimedOut {
        /// Which job.
        name: String,
        /// The time it had.
        limit: Duration,
        /// The end of what it printed.
        output: String,
    },
    /// Another one ran all the time.
    #[error("the job {name} did not begin: another one ran in the guest for {} s", limit.as_secs())]
    Busy {
        /// Which job.
        name: String,
        /// How long was waited.
        limit: Duration,
    },
}

impl JobError {
    /// Returns what to do about it.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Agent { err, .. } => err.verdict(),
            Self::Busy { .. } => Verdict::Wait,
            Self::NotStarted { .. }
            | Self::Rebooted { .. }
            | Self::Lost { .. }
            | Self::TimedOut { .. } => Verdict::Retry,
        }
    }

    /// Returns the end of what the job printed, as the guest says it.
    pub fn output(&self) -> Option<&str> {
        match self {
            Self::Rebooted { output, .. }
            | Self::Lost { output, .. }
            | Self::TimedOut { output, .. } => {
                Some(output.as_str()).filter(|output| !output.is_empty())
            }
            Self::Agent { .. } | Self::NotStarted { .. } | Self::Busy { .. } => None,
        }
    }

    /// Returns what a human can do.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Agent { err, .. } => err.advice(),
            Self::NotStarted { .. } => Some(
                "it takes `flock`, `setsid`, `tar` and a tmpfs at /run in the guest: see what is missing",
            ),
            Self::Lost { .. } => {
                Some("see in the log of the guest who killed it: it may be memory")
            }
            Self::Rebooted { .. } | Self::TimedOut { .. } | Self::Busy { .. } => None,
        }
    }
}
