//! What must hold after every run, whatever was done meanwhile.
//!
//! Each of these is a plain function of what lies there raw. None of them uses a line of what it judges.

mod effects;
mod history;
mod outcome;
mod strays;

use std::fmt;

use crate::field::Field;
use crate::reading::Reading;

pub(crate) use strays::wait_for;

/// What a host says of a change that comes while another one is at the guest.
const SECOND_HAND: &str = "another change on the simulated host";

/// A promise that was broken.
#[derive(Clone, Debug)]
pub(crate) struct Breach {
    /// Which promise, as the table of them names it.
    pub(crate) promise: &'static str,
    /// What was seen.
    pub(crate) seen: String,
}

/// What is so besides the promises that always hold.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "none of them follows from another")]
pub(crate) struct Allowed {
    /// Guests may end in another way than complete.
    pub(crate) failing: bool,
    /// Somebody else starts, stops, changes or removes guests, so some changes come again.
    pub(crate) meddling: bool,
    /// The operator asks for what destroys something.
    pub(crate) destroying: bool,
    /// The log was wiped or set back, or has what is not ours.
    pub(crate) other_log: bool,
}

impl Breach {
    pub(crate) fn of(promise: &'static str, seen: impl fmt::Display) -> Self {
        Self { promise, seen: seen.to_string() }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.seen)
    }
}

/// Returns which promises are broken.
pub(crate) fn broken(field: &Field, reading: &Reading, allowed: Allowed) -> Vec<Breach> {
    let mut breaches = effects::broken(&reading.ledger, allowed);
    breaches.extend(history::broken(reading, allowed));
    breaches.extend(outcome::broken(&field.fleet, reading, allowed));
    breaches.extend(outcome::touched(&field.others, reading));
    if !allowed.meddling && field.said().contains(SECOND_HAND) {
        breaches.push(Breach::of("I-8", "the host had to refuse a second hand at a guest"));
    }
    breaches
}
