//! What was tried on a guest, and what is tried next.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::Reason;
use super::lot::Lot;
use super::rung::{Course, Means, Rung};

/// The pause after the first repair; it doubles with each.
const FIRST_PAUSE: i64 = 30;

/// The longest pause there is.
const LONGEST_PAUSE: i64 = 30 * 60;

/// A supervisor has this long to start again what is gone.
const SUPERVISOR: TimeDelta = TimeDelta::seconds(30);

/// The same once more is not tried before this.
const SAME_AGAIN: TimeDelta = TimeDelta::minutes(2);

/// One repair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Try {
    /// What.
    pub rung: Rung,
    /// Which time it was, the first being 1.
    pub attempt: u32,
    /// How often it is tried at most.
    pub of: u32,
    /// When it was ordered.
    pub started: DateTime<Utc>,
    /// When the order was carried out, or given up.
    pub ended: Option<DateTime<Utc>>,
    /// What became of it.
    pub result: Effect,
}

/// What became of a repair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "is", content = "because", rename_all = "kebab-case")]
pub enum Effect {
    /// It is ordered, and nobody has said yet that it is done.
    UnderWay,
    /// It is done, and whether it helped remains to be seen.
    Done,
    /// It could not be done.
    Failed(String),
    /// Whoever was to do it found that it should not be done.
    Refused(String),
    /// It was done, and did not help.
    Helpless,
}

/// What was tried since the guest was well for the last time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    /// All of it, in order.
    pub tries: Vec<Try>,
    /// Why nothing more is tried: a human has to.
    pub given_up: Option<String>,
}

/// What is tried next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// This, and not before then.
    Try { rung: Rung, attempt: u32, of: u32, at: DateTime<Utc> },
    /// Nothing is left.
    Exhausted,
}

impl Ladder {
    /// Says what is tried next for a reason the guest has not been well for since then.
    pub(super) fn next(
        &self,
        reason: Reason,
        course: Course,
        means: Means,
        since: DateTime<Utc>,
        lot: Lot,
    ) -> Step {
        let Some((rung, count)) = self.rung(reason, course, means) else {
            return Step::Exhausted;
        };
        let grace = if course.start == Rung::Wait && self.tries.is_empty() {
            since + SUPERVISOR
        } else {
            since
        };
        let at = match self.tries.last() {
            Some(last) => {
                let pause = last.ended.unwrap_or(last.started) + self.pause(lot);
                let again = if last.rung == rung { last.started + SAME_AGAIN } else { pause };
                grace.max(pause).max(again)
            }
            None => grace,
        };
        Step::Try { rung, attempt: count + 1, of: rung.attempts(reason), at }
    }

    /// Returns the rung that is next, and how often it was tried already.
    pub(super) fn rung(&self, reason: Reason, course: Course, means: Means) -> Option<(Rung, u32)> {
        let tried = |rung| self.tries.iter().filter(move |one| one.rung == rung && one.counts());
        let reached = self.tries.iter().map(|one| one.rung).max().unwrap_or(Rung::Wait);
        let next = Rung::ALL
            .into_iter()
            .filter(|rung| rung.is_work() && *rung >= reached && course.has(*rung, means));
        next.map(|rung| (rung, tried(rung).count()))
            .map(|(rung, count)| (rung, u32::try_from(count).unwrap_or(u32::MAX)))
            .find(|(rung, count)| *count < rung.attempts(reason))
    }

    /// Returns the pause after the last repair: twice as long as the one before, give or take a
    /// fifth, so that guests which failed together are not repaired together.
    fn pause(&self, lot: Lot) -> TimeDelta {
        let doublings = u32::try_from(self.tries.len()).unwrap_or(u32::MAX).saturating_sub(1);
        let seconds = FIRST_PAUSE.saturating_mul(1 << doublings.min(10));
        let share = i64::from(lot.with(u64::from(doublings)).of(401)) - 200;
        TimeDelta::milliseconds((seconds * (1000 + share)).min(LONGEST_PAUSE * 1000))
    }

    /// Returns the repair that is under way, or done and not yet known to have helped.
    pub(super) fn last(&mut self) -> Option<&mut Try> {
        self.tries.last_mut()
    }
}

impl Try {
    /// Says whether it uses up an attempt: what was refused was not tried.
    fn counts(&self) -> bool {
        match self.result {
            Effect::Refused(_) => false,
            Effect::UnderWay | Effect::Done | Effect::Failed(_) | Effect::Helpless => true,
        }
    }
}
