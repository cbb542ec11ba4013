//! Why a step could not be taken.

use phoenix_domain::{Change, Refusal, Verdict};
use phoenix_hypervisor::HostError;
use thiserror::Error;

/// Why a step could not be taken.
#[derive(Debug, Error)]
pub enum StepError {
    /// The host cannot be looked at.
    #[error("cannot look at the guest")]
    Blind(#[source] HostError),
    /// What is wanted cannot be reached from what is seen.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A change could not be made.
    #[error("cannot {change}")]
    NotMade {
        /// The change.
        change: Box<Change>,
        /// Why.
        #[source]
        err: HostError,
    },
    /// The host said done, and it was not.
    #[error("the host said done, but still had to {}", left.first().map_or_else(String::new, ToString::to_string))]
    DidNotHold {
        /// What is still missing.
        left: Vec<Change>,
    },
    /// It held, and then it did not.
    #[error("it held for {held_s} of {wanted_s} seconds, and then: {why}")]
    DidNotLast {
        /// How long it held.
        held_s: u64,
        /// How long it should have.
        wanted_s: u64,
        /// What is amiss since then.
        why: String,
    },
    /// Something would be gone for good, and the log this guest's work goes by is in doubt.
    #[error("would have to {change}, and the log of this guest went backwards")]
    WouldDestroy {
        /// The change.
        change: Box<Change>,
    },
}

impl StepError {
    /// Returns what to do about it.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Blind(err) | Self::NotMade { err, .. } => err.verdict(),
            Self::Refused(refusal) => refusal.verdict(),
            // It may hold the next time; attempts are counted.
            Self::DidNotHold { .. } | Self::DidNotLast { .. } => Verdict::Retry,
            Self::WouldDestroy { .. } => Verdict::AskHuman,
        }
    }

    /// Returns what a human can do.
    pub fn advice(&self) -> Option<&str> {
        match self {
            Self::Blind(err) | Self::NotMade { err, .. } => err.advice(),
            Self::Refused(refusal) => Some(refusal.advice()),
            Self::DidNotHold { .. } => {
                Some("see on the host whether the change takes effect later")
            }
            Self::DidNotLast { .. } => {
                Some("`phoenix logs` has what the guest said, `phoenix health` how it does now")
            }
            Self::WouldDestroy { .. } => {
                Some("see that the log is the right one, then retry with --trust-log")
            }
        }
    }

    /// Returns the end of what the tool printed.
    pub fn output(&self) -> Option<&str> {
        match self {
            Self::Blind(err) | Self::NotMade { err, .. } => err.output(),
            Self::Refused(_)
            | Self::DidNotHold { .. }
            | Self::DidNotLast { .. }
            | Self::WouldDestroy { .. } => None,
        }
    }

    /// Returns the change that could not be made.
    pub fn change(&self) -> Option<&Change> {
        match self {
            Self::NotMade { change, .. } | Self::WouldDestroy { change } => Some(change),
            Self::DidNotHold { left } => left.first(),
            Self::Blind(_) | Self::Refused(_) | Self::DidNotLast { .. } => None,
        }
    }
}
