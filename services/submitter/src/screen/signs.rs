//! The signs in front of what is shown: everything is told without colours too.

use phoenix_domain::Record;
use phoenix_domain::health::Condition;

use crate::status;

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
        match status::state(record) {
            "failed" | "dead" | "question" | "blocked" | "retry-wait" => Self::Bad,
            "working" | "requested" | "restarting" | "stopping" | "waiting" => Self::Busy,
            _ => Self::Good,
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
