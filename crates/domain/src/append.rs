//! What to make of an append that did not come back well.

use crate::{Event, EventId, Record};

/// The end of a guest's log, as far as an append has to know it.
#[derive(Clone, Copy, Debug)]
pub struct End<'e> {
    /// The sequence of the last message.
    pub seq: u64,
    /// The event there.
    pub id: &'e EventId,
    /// The state it carries.
    pub state: &'e Record,
}

/// What became of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landing {
    /// It is there; only its acknowledgement was lost.
    Landed,
    /// Nothing has changed: it is to be tried again.
    Again,
    /// A request came in between; the claim still holds, and the fact is told on top of it.
    Rebase,
    /// Somebody else holds the guest now: stop before the next change, acknowledge nothing.
    Fenced,
}

/// Says what became of an append that ends with `mine`, made under `claim` in the expectation of
/// `expected`.
///
/// A publish that timed out may have landed, and one that was refused may have been refused for
/// no reason, so the error itself says nothing. The end of the log says everything.
pub fn landing(mine: &Event, claim: &str, expected: u64, end: Option<End<'_>>) -> Landing {
    let Some(end) = end else {
        return if expected == 0 { Landing::Again } else { Landing::Fenced };
    };
    if *end.id == mine.id {
        return Landing::Landed;
    }
    if end.seq == expected {
        return Landing::Again;
    }
    let is_held = end.state.work.claim.as_ref().is_some_and(|holder| holder.id == claim);
    // A request may have come behind it. That leaves the work alone, so the work tells.
    match is_held {
        true if end.state.work == mine.state.work => Landing::Landed,
        true => Landing::Rebase,
        false => Landing::Fenced,
    }
}
