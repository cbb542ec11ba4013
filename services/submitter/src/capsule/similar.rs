//! Failures of the same kind: of the same guest, or at the same step and of the same class in others.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use phoenix_domain::{Event, Fact, Failure, GuestKey};
use serde::Serialize;

use super::Material;
use crate::words;

/// How far is looked back.
pub(super) const FAR: TimeDelta = TimeDelta::days(30);

/// Failures of one guest.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Similar {
    pub(super) guest: GuestKey,
    pub(super) name: String,
    /// How often it failed.
    pub(super) times: usize,
    /// When it failed last.
    pub(super) last: DateTime<Utc>,
    /// How that ended; absent where it is not over.
    pub(super) ended: Option<String>,
}

/// Says whether something that happened tells of a failure, or of what became of one.
pub(super) fn is_of_interest(fact: &Fact) -> bool {
    match fact {
        Fact::StepFailed(_)
        | Fact::Completed(_)
        | Fact::ReturnBegun(_)
        | Fact::DeadLettered(_)
        | Fact::Cancelled(_) => true,
        Fact::Requested(_)
        | Fact::RepairRequested(_)
        | Fact::CancelRequested(_)
        | Fact::Answered(_)
        | Fact::Claimed(_)
        | Fact::StepTaken(_)
        | Fact::RetryWait(_)
        | Fact::Blocked(_)
        | Fact::RestartBegun(_)
        | Fact::Drifted(_)
        | Fact::Failed(_) => false,
    }
}

/// Returns failures like this one, the guest itself first and then the latest; those that it is made
/// of are none of them, which began `since`.
pub(super) fn of(
    guest: GuestKey,
    failure: &Failure,
    material: &Material<'_>,
    since: Option<&Event>,
) -> Vec<Similar> {
    let is_same_kind =
        |other: &Failure| other.step == failure.step && other.verdict == failure.verdict;
    let is_own = |time: DateTime<Utc>| since.is_some_and(|since| time >= since.time);
    let mut found: BTreeMap<GuestKey, Similar> = BTreeMap::new();
    // A letter outlives the log of its guest, and tells of no more than the log does where both are.
    for letter in material.letters.iter().filter_map(|filed| filed.letter.as_ref().ok()) {
        let (Some(other), Some(failed)) = (letter.guest, &letter.failure) else { continue };
        let is_similar = if other == guest { !is_own(letter.time) } else { is_same_kind(failed) };
        let is_kept = material.past.iter().any(|event| {
            event.state.guest == other && event.time <= failed.at && is_failure(event)
        });
        if is_similar && !is_kept {
            let name = letter.state.as_ref().map(words::name).unwrap_or_default();
            let ended = Some("it was given up".to_owned());
            let one = found.entry(other).or_insert_with(|| Similar {
                guest: other,
                name,
                times: 0,
                last: failed.at,
                ended: ended.clone(),
            });
            one.times += usize::try_from(letter.attempts.max(1)).unwrap_or(1);
            (one.last, one.ended) = (one.last.max(failed.at), ended);
        }
    }
    for event in &material.past {
        let other = event.state.guest;
        match &event.fact {
            Fact::StepFailed(failed) => {
                let is_similar = if other == guest {
                    !is_own(event.time)
                } else {
                    is_same_kind(&failed.failure)
                };
                if !is_similar {
                    continue;
                }
                let one = found.entry(other).or_insert_with(|| Similar {
                    guest: other,
                    name: words::name(&event.state),
                    times: 0,
                    last: event.time,
                    ended: None,
                });
                one.times += 1;
                one.last = event.time;
                one.ended = None;
            }
            Fact::Completed(_) => end(&mut found, event, "it was completed"),
            Fact::ReturnBegun(_) => end(&mut found, event, "it went back to what it was"),
            Fact::DeadLettered(_) => end(&mut found, event, "it was given up"),
            Fact::Cancelled(_) => end(&mut found, event, "it was cancelled"),
            Fact::Requested(_)
            | Fact::RepairRequested(_)
            | Fact::CancelRequested(_)
            | Fact::Answered(_)
            | Fact::Claimed(_)
            | Fact::StepTaken(_)
            | Fact::RetryWait(_)
            | Fact::Blocked(_)
            | Fact::RestartBegun(_)
            | Fact::Drifted(_)
            | Fact::Failed(_) => {}
        }
    }
    let mut found: Vec<_> = found.into_values().collect();
    found.sort_by_key(|one| (one.guest != guest, std::cmp::Reverse(one.last)));
    found
}

/// Takes in how a failure ended. Only the first end after it is its own.
fn end(found: &mut BTreeMap<GuestKey, Similar>, event: &Event, how: &str) {
    let open = found.get_mut(&event.state.guest).filter(|one| one.ended.is_none());
    if let Some(one) = open {
        let after = words::span(event.time - one.last);
        one.ended = Some(format!("{how} {after} later"));
    }
}

fn is_failure(event: &Event) -> bool {
    matches!(event.fact, Fact::StepFailed(_))
}
