//! Whether a service goes up and down.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// So many turns within the window are too many.
const TOO_MANY: usize = 4;

/// Turns older than this are forgotten, whether or not the service came to rest: what is armed by
/// recovery alone stays silent for ever about a service that never recovers.
const WINDOW: TimeDelta = TimeDelta::minutes(30);

/// When a service went down and came up again by itself, lately.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Turns {
    is_down: bool,
    at: Vec<DateTime<Utc>>,
    /// When somebody last started it.
    helped: Option<DateTime<Utc>>,
}

impl Turns {
    /// Takes in whether it is down.
    pub(super) fn turn(&mut self, is_down: bool, at: DateTime<Utc>) {
        let is_alone = self.helped.is_none_or(|helped| at - helped >= WINDOW);
        if self.is_down != is_down && is_alone {
            self.at.push(at);
        }
        self.is_down = is_down;
        self.forget(at);
    }

    /// Takes in that somebody started it. Whether that holds is for whoever did so to count: what
    /// comes and goes after a repair is a repair that did not help.
    pub(super) fn helped(&mut self, at: DateTime<Utc>) {
        self.is_down = false;
        self.helped = Some(at);
    }

    /// Takes in that it is looked at anew.
    pub(super) fn rest(&mut self) {
        self.is_down = false;
    }

    /// Says whether there were too many turns until now.
    pub(super) fn are_many(&mut self, now: DateTime<Utc>) -> bool {
        self.forget(now);
        self.at.len() >= TOO_MANY
    }

    fn forget(&mut self, now: DateTime<Utc>) {
        self.at.retain(|at| now - *at < WINDOW);
        let surplus = self.at.len().saturating_sub(TOO_MANY);
        self.at.drain(..surplus);
    }
}
