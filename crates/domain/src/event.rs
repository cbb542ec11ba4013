//! The facts that are told about a guest.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What happened to a guest: the kinds of event in its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// It was asked to be as its spec says.
    Requested,
    /// The health monitor asked for its repair.
    RepairRequested,
    /// Somebody asked to stop working on it.
    CancelRequested,
    /// A worker took it.
    Claimed,
    /// A step changed something and it held.
    StepTaken,
    /// A step could not be taken.
    StepFailed,
    /// It is tried again at a set time.
    RetryWait,
    /// It waits for another guest or for a human.
    Blocked,
    /// It is as wanted.
    Completed,
    /// It was given up.
    Failed,
    /// Its job stands in the dead letters.
    DeadLettered,
    /// Its worker is still at it.
    LeaseRenewed,
    /// It was removed.
    Deleted,
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Requested => "requested",
            Self::RepairRequested => "repair-requested",
            Self::CancelRequested => "cancel-requested",
            Self::Claimed => "claimed",
            Self::StepTaken => "step-taken",
            Self::StepFailed => "step-failed",
            Self::RetryWait => "retry-wait",
            Self::Blocked => "blocked",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::DeadLettered => "dead-lettered",
            Self::LeaseRenewed => "lease-renewed",
            Self::Deleted => "deleted",
        })
    }
}
