//! What follows from the readings of one probe.

mod take;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::loops::Loops;
use super::marks::Marks;
use super::pace::Pace;
use super::sign::{Light, Sign};
use super::starts::{Start, Starts};
use super::turns::Turns;
use super::{Condition, Probe, Process, Reading, Reason};

/// What was seen of a process longer ago than this says nothing any more.
const PROCESS_FADES: TimeDelta = TimeDelta::seconds(60);

/// Work seen within this time keeps a service from being failed or repaired.
pub(super) const PROGRESS_HOLDS: TimeDelta = TimeDelta::seconds(120);

/// What the readings of one probe have led to so far. It remembers what later readings are judged
/// by, and nothing else, so that it can be kept and taken up by another monitor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judge {
    raw: Condition,
    is_flapping: bool,
    since: DateTime<Utc>,
    last: Option<DateTime<Utc>>,
    moved: Option<DateTime<Utc>>,
    was_bad: bool,
    marks: Marks,
    good: u8,
    fine: u8,
    blind: u8,
    worse: u8,
    pace: Pace,
    process: Option<(Process, DateTime<Utc>)>,
    #[serde(default)]
    loops: Loops,
    start: Option<Start>,
    starts: Starts,
    turns: Turns,
}

/// A condition that has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// What it was.
    pub from: Condition,
    /// What it is now.
    pub to: Condition,
}

impl Judge {
    /// Begins with a service nothing is known about.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            raw: Condition::Unknown(Reason::Unjudged),
            is_flapping: false,
            since: now,
            last: None,
            moved: None,
            was_bad: false,
            marks: Marks::default(),
            good: 0,
            fine: 0,
            blind: 0,
            worse: 0,
            pace: Pace::default(),
            process: None,
            loops: Loops::default(),
            start: None,
            starts: Starts::default(),
            turns: Turns::default(),
        }
    }

    /// Returns what it is found to be. One that goes up and down is called that, whichever it is at
    /// the moment.
    pub fn condition(&self) -> Condition {
        if self.is_flapping { Condition::Degraded(Reason::Flapping) } else { self.raw }
    }

    /// Returns since when.
    pub fn since(&self) -> DateTime<Utc> {
        self.since
    }

    /// Returns when it was last read.
    pub fn last(&self) -> Option<DateTime<Utc>> {
        self.last
    }

    /// Returns up to when what it says is known to have been so.
    pub fn known_until(&self) -> DateTime<Utc> {
        self.last.map_or(self.since, |last| last.max(self.since))
    }

    /// Returns when it was last seen to do work.
    pub fn moved(&self) -> Option<DateTime<Utc>> {
        self.moved
    }

    /// Returns when it was last read, if that found it not as it should be.
    pub fn ailing(&self) -> Option<DateTime<Utc>> {
        let is_worse = self.worse > 0 && self.fine == 0 && self.blind == 0;
        if self.was_bad || is_worse { self.last } else { None }
    }

    /// Returns when it was last read, if that was what its condition rests on. A reading that says
    /// something else is no reason to act on what was found before.
    pub fn confirmed(&self) -> Option<DateTime<Utc>> {
        let is_so = match self.raw {
            Condition::Failed(_) => self.was_bad,
            Condition::Degraded(_) => self.ailing().is_some() && !self.was_bad,
            Condition::Starting | Condition::Healthy | Condition::Unknown(_) => false,
        };
        if is_so { self.last } else { None }
    }

    /// Returns since when it has been found not serving, without a break.
    pub fn failing_since(&self) -> Option<DateTime<Utc>> {
        self.marks.run().map(|run| run.since)
    }

    /// Returns when the start that is under way is too late, as far as can be told now.
    pub fn start_until(&self, probe: &Probe) -> Option<DateTime<Utc>> {
        let start = self.start.as_ref().filter(|_| self.raw == Condition::Starting)?;
        Some(start.until(self.starts.deadline(probe)))
    }

    /// Takes in what was seen of the process.
    pub fn see(&mut self, process: Process, at: DateTime<Utc>) {
        if self.process.is_some_and(|(_, seen)| at <= seen) {
            return;
        }
        if let Some(restarts) = process.restarts() {
            self.loops.count(restarts, at);
        }
        if let (Process::Alive { stir, .. }, Some((Process::Alive { stir: before, .. }, _))) =
            (process, self.process)
            && stir > before
        {
            self.marks.stirred();
            if let Some(start) = &mut self.start {
                start.stirred = Some(at);
            }
        }
        self.process = Some((process, at));
    }

    /// Takes in that the service was started, by us or by somebody else. What came before is
    /// forgotten, but not how long its starts take.
    pub fn restarted(&mut self, at: DateTime<Utc>) -> Option<Turn> {
        let before = self.condition();
        self.forget();
        self.turns.helped(at);
        self.process = None;
        self.loops = Loops::default();
        self.start = Some(Start::at(at));
        self.settle(Condition::Starting, at);
        self.turned(before, at)
    }

    /// Takes in that whoever worked on it has left, or that what it stands on is back: what was
    /// counted before does not count, and what was not well is looked at anew.
    pub fn rebase(&mut self, at: DateTime<Utc>) -> Option<Turn> {
        let before = self.condition();
        self.forget();
        match self.raw {
            Condition::Starting => self.start = Some(Start::at(at)),
            Condition::Healthy => {}
            Condition::Degraded(_) | Condition::Failed(_) | Condition::Unknown(_) => {
                self.turns.rest();
                self.settle(Condition::Unknown(Reason::Unjudged), at);
            }
        }
        self.turned(before, at)
    }

    /// Takes in that what it stands on is well again. Everything on it starts at once and slowly, so
    /// what does not serve has all of its time once more.
    pub fn grace(&mut self, at: DateTime<Utc>) -> Option<Turn> {
        if self.raw == Condition::Healthy {
            return self.rebase(at);
        }
        self.restarted(at)
    }

    /// Takes in a reading, and says what has turned by it. `shade` says what is wrong with what it
    /// stands on. A reading that is not newer than the last is heard already.
    pub fn read(
        &mut self,
        probe: &Probe,
        reading: &Reading,
        shade: Option<Reason>,
    ) -> Option<Turn> {
        let at = reading.at;
        if self.last.is_some_and(|last| at <= last) {
            return None;
        }
        let before = self.condition();
        self.last = Some(at);
        let has_moved = reading.progress.is_some_and(|progress| self.pace.follow(progress, at));
        if has_moved {
            self.moved = Some(at);
        }
        let process = self.process.filter(|(_, seen)| at - *seen <= PROCESS_FADES);
        let light = Light {
            process: process.map(|(process, _)| process),
            ailment: self.loops.are_many(at).then_some(Reason::CrashLoop),
            has_moved,
            is_frozen: self.pace.is_frozen(at),
            is_queued: self.pace.is_queued(at),
            shade,
        };
        self.take(probe, Sign::of(reading, light), at);
        self.turned(before, at)
    }

    fn forget(&mut self) {
        self.marks = Marks::default();
        self.pace = Pace::default();
        self.was_bad = false;
        (self.good, self.fine, self.blind, self.worse) = (0, 0, 0, 0);
    }

    fn settle(&mut self, to: Condition, at: DateTime<Utc>) {
        if to.is_failed() || to.is_serving() {
            self.turns.turn(to.is_failed(), at);
        }
        self.raw = to;
    }

    fn turned(&mut self, from: Condition, at: DateTime<Utc>) -> Option<Turn> {
        self.is_flapping = self.turns.are_many(at);
        let to = self.condition();
        if from == to {
            return None;
        }
        self.since = at;
        Some(Turn { from, to })
    }
}
