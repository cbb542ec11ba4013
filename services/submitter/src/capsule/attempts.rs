//! What was tried on a guest: one attempt after the other.

use chrono::{DateTime, Utc};
use phoenix_domain::{Event, Fact};
use serde::Serialize;

use super::line;
use crate::words;

/// One attempt.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attempt {
    pub(super) began: DateTime<Utc>,
    /// How long it took, in milliseconds; absent while it goes on.
    pub(super) took_ms: Option<u64>,
    /// What came of it.
    pub(super) result: String,
}

/// Returns the attempts among these events.
pub(super) fn of(events: &[Event]) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    let mut began = None;
    for event in events {
        match &event.fact {
            Fact::Claimed(_) => began = Some(event.time),
            Fact::StepFailed(_) | Fact::Blocked(_) | Fact::Completed(_) | Fact::Cancelled(_) => {
                // Where nobody was at it, nothing was tried.
                let Some(from) = began.take() else { continue };
                let took = u64::try_from((event.time - from).num_milliseconds());
                let result = line(&words::result(event));
                let took_ms = Some(took.unwrap_or_default());
                attempts.push(Attempt { began: from, took_ms, result });
            }
            Fact::Requested(_)
            | Fact::RepairRequested(_)
            | Fact::CancelRequested(_)
            | Fact::Answered(_)
            | Fact::StepTaken(_)
            | Fact::RetryWait(_)
            | Fact::RestartBegun(_)
            | Fact::Drifted(_)
            | Fact::Failed(_)
            | Fact::ReturnBegun(_)
            | Fact::DeadLettered(_) => {}
        }
    }
    if let Some(began) = began {
        attempts.push(Attempt { began, took_ms: None, result: "under way".to_owned() });
    }
    attempts
}
