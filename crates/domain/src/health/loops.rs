//! A service that ends again each time it is started, though every single look finds it on its way
//! up.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// So many starts by its supervisor are too many.
const MANY: usize = 3;

/// Within this time.
const WINDOW: TimeDelta = TimeDelta::minutes(30);

/// The starts of a service by its own supervisor, as far as they were seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Loops {
    /// What the supervisor counted last.
    counted: Option<u32>,
    /// When a start was noticed, the oldest first.
    starts: Vec<DateTime<Utc>>,
}

impl Loops {
    /// Takes in how often its supervisor has started it again. What that had counted before the
    /// first look is nobody's knowledge, and a count that goes backwards begins anew.
    pub(super) fn count(&mut self, restarts: u32, at: DateTime<Utc>) {
        let before = self.counted.replace(restarts).unwrap_or(restarts);
        let new = restarts.saturating_sub(before);
        self.starts.extend((0..new).map(|_| at).take(MANY));
        self.starts.retain(|start| at - *start < WINDOW);
    }

    /// Says whether it was started again and again lately.
    pub(super) fn are_many(&self, at: DateTime<Utc>) -> bool {
        self.starts.iter().filter(|start| at - **start < WINDOW).count() >= MANY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_starts_within_half_an_hour_are_too_many() {
        let at = |minute| DateTime::UNIX_EPOCH + TimeDelta::minutes(minute);
        let mut loops = Loops::default();
        loops.count(40, at(0));
        assert!(!loops.are_many(at(0)), "when those were, nobody knows");
        loops.count(41, at(1));
        loops.count(41, at(2));
        loops.count(42, at(3));
        assert!(!loops.are_many(at(3)));
        loops.count(0, at(4));
        assert!(!loops.are_many(at(4)), "somebody else has started it");
        loops.count(1, at(5));
        assert!(loops.are_many(at(5)));
        assert!(!loops.are_many(at(32)), "the first of them is long ago");
        loops.count(9, at(90));
        assert!(loops.are_many(at(90)), "several between two looks are several");
    }
}
