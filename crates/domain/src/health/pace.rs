//! Whether the work of a service moves, by the counters it keeps.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::Progress;

/// Work that stands still for this long is stuck.
const FROZEN: TimeDelta = TimeDelta::seconds(120);

/// Readings it takes to say so: two could lie on either side of a pause in the work.
const FROZEN_READINGS: u8 = 3;

/// A queue may be long for this long before that is worth telling.
const QUEUED: TimeDelta = TimeDelta::minutes(5);

/// A queue no longer than this is no queue.
const SHORT_QUEUE: u32 = 16;

/// How the work of a service went on from reading to reading.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pace {
    /// What was done when it last was counted, and since when it stands there with work at hand.
    stood: Option<Stood>,
    /// Since when the queue is long.
    queued: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stood {
    done: u64,
    since: DateTime<Utc>,
    readings: u8,
}

impl Pace {
    /// Takes in what was counted, and says whether work was done since it was counted last.
    pub(super) fn follow(&mut self, progress: Progress, at: DateTime<Utc>) -> bool {
        let is_long = progress.waiting > SHORT_QUEUE.max(progress.running.saturating_mul(2));
        self.queued = is_long.then(|| self.queued.unwrap_or(at));
        let readings = u8::from(!progress.is_idle());
        let anew = Stood { done: progress.done, since: at, readings };
        match &mut self.stood {
            Some(stood) if stood.done == progress.done => {
                // With nothing to do nothing moves, and what comes next is counted from then on.
                if progress.is_idle() || stood.readings == 0 {
                    *stood = anew;
                } else {
                    stood.readings = stood.readings.saturating_add(1);
                }
                false
            }
            // A count that is lower than before is that of another process: it says nothing about
            // work done in the meantime.
            stood => {
                let moved = stood.as_ref().is_some_and(|stood| stood.done < progress.done);
                *stood = Some(anew);
                moved
            }
        }
    }

    /// Says whether there is work, and none of it moves.
    pub(super) fn is_frozen(&self, at: DateTime<Utc>) -> bool {
        let Some(stood) = &self.stood else { return false };
        stood.readings >= FROZEN_READINGS && at - stood.since >= FROZEN
    }

    /// Says whether the queue has been long for too long.
    pub(super) fn is_queued(&self, at: DateTime<Utc>) -> bool {
        self.queued.is_some_and(|since| at - since >= QUEUED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn work(done: u64) -> Progress {
        Progress { done, running: 1, waiting: 0 }
    }

    #[test]
    fn work_that_stands_for_two_minutes_is_stuck() {
        let mut pace = Pace::default();
        for second in [0, 15, 30, 105] {
            assert!(!pace.follow(work(634), at(second)));
            assert!(!pace.is_frozen(at(second)));
        }
        assert!(!pace.follow(work(634), at(120)));
        assert!(pace.is_frozen(at(120)));
        assert!(pace.follow(work(635), at(135)));
        assert!(!pace.is_frozen(at(135)));
    }

    #[test]
    fn work_that_has_just_come_is_not_stuck() {
        let mut pace = Pace::default();
        let idle = Progress { done: 634, ..Progress::default() };
        pace.follow(idle, at(0));
        pace.follow(idle, at(600));
        pace.follow(work(634), at(615));
        assert!(!pace.is_frozen(at(615)));
        pace.follow(work(634), at(1000));
        assert!(!pace.is_frozen(at(1000)), "two readings may lie on either side of a pause");
    }

    #[test]
    fn a_process_that_counts_from_nought_again_has_done_nothing_yet() {
        let mut pace = Pace::default();
        pace.follow(work(634), at(0));
        assert!(!pace.follow(work(3), at(15)));
        assert!(pace.follow(work(4), at(30)));
    }
}
