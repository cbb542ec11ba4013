//! The signs in front of what is shown: everything is told without colours too.

use phoenix_domain::health::Condition;
use phoenix_domain::{Record, Standing};

use crate::words;

/// How something is, at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Good,
    Busy,
    Bad,
}

impl Sign {
    /// Returns how a guest is.
    pub(super) fn of(record: &Record) -> Self {
        let is_newest = record.work.revision == record.desired.revision;
        match record.work.standing {
            Standing::Working | Standing::Requested => Self::Busy,
            _ if !is_newest => Self::Busy,
            Standing::RetryWait { .. } if words::is_waiting(record) => Self::Busy,
            Standing::Completed if record.gone_back().is_some() => Self::Bad,
            Standing::Completed if !record.work.drift.is_empty() => Self::Bad,
            Standing::RetryWait { .. }
            | Standing::BlockedBy { .. }
            | Standing::Blocked { .. }
            | Standing::Failed
            | Standing::Dead { .. } => Self::Bad,
            Standing::Completed | Standing::Cancelled => Self::Good,
        }
    }

    /// Returns how what a probe finds is.
    pub(super) fn of_condition(condition: Condition) -> Self {
        match condition {
            Condition::Healthy => Self::Good,
            Condition::Failed(_) => Self::Bad,
            Condition::Starting | Condition::Degraded(_) | Condition::Unknown(_) => Self::Busy,
        }
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Busy => "…",
            Self::Bad => "✗",
        }
    }
}
