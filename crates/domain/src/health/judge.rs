//! What follows from the readings of one probe.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::marks::Marks;
use super::pace::Pace;
use super::reason::Weight;
use super::sign::{Light, Sign};
use super::starts::{Start, Starts};
use super::turns::Turns;
use super::{Condition, Probe, Process, Reading, Reason};

/// What was seen of a process longer ago than this says nothing any more.
const PROCESS_FADES: TimeDelta = TimeDelta::seconds(60);

/// A service that is being started has no process for a while, and its supervisor has this long.
const PROCESS_COMES: TimeDelta = TimeDelta::seconds(60);

/// Readings in a row that end a condition for the better, and those that end it for want of any.
const IN_A_ROW: u8 = 2;

/// Readings in a row of a service that serves worse than it should, before that is told.
const WORSE_IN_A_ROW: u8 = 3;

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

    /// Returns when it was last seen to do work.
    pub fn moved(&self) -> Option<DateTime<Utc>> {
        self.moved
    }

    /// Returns when it was last read, if that found it not as it should be.
    pub fn ailing(&self) -> Option<DateTime<Utc>> {
        let is_worse = self.worse > 0 && self.fine == 0 && self.blind == 0;
        if self.was_bad || is_worse { self.last } else { None }
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
        if let (Process::Alive { stir }, Some((Process::Alive { stir: before }, _))) =
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
            has_moved,
            is_frozen: self.pace.is_frozen(at),
            is_queued: self.pace.is_queued(at),
            shade,
        };
        self.take(probe, Sign::of(reading, light), at);
        self.turned(before, at)
    }

    fn take(&mut self, probe: &Probe, sign: Sign, at: DateTime<Utc>) {
        self.was_bad = matches!(sign, Sign::Bad(_) | Sign::Dead(_) | Sign::Dark);
        if !matches!(sign, Sign::Blind(_)) {
            self.blind = 0;
        }
        self.fine = if sign == Sign::Good { self.fine.saturating_add(1) } else { 0 };
        match sign {
            Sign::Good => self.serve(None, at),
            Sign::Worse(reason) => {
                self.worse = self.worse.saturating_add(1);
                self.serve((self.worse >= WORSE_IN_A_ROW).then_some(reason), at);
            }
            Sign::Strained(reason) => self.serve(Some(reason), at),
            Sign::Coming => self.come(probe, at),
            Sign::Dark => self.darken(probe, at),
            Sign::Bad(reason) => self.fail(probe, reason, at),
            Sign::Dead(reason) => {
                self.marks.bad(reason, at);
                self.settle(Condition::Failed(reason), at);
            }
            Sign::Blind(reason) => {
                self.good = 0;
                self.blind = self.blind.saturating_add(1);
                let is_sure = match self.raw {
                    Condition::Starting | Condition::Unknown(_) => true,
                    Condition::Healthy | Condition::Degraded(_) | Condition::Failed(_) => {
                        self.blind >= IN_A_ROW
                    }
                };
                if is_sure {
                    self.marks = Marks::default();
                    self.settle(Condition::Unknown(reason), at);
                }
            }
        }
    }

    fn serve(&mut self, worse: Option<Reason>, at: DateTime<Utc>) {
        self.marks.good();
        self.good = self.good.saturating_add(1);
        if self.fine >= IN_A_ROW {
            self.worse = 0;
        }
        let (is_sure, was_down) = match self.raw {
            Condition::Starting => (true, true),
            Condition::Failed(_) | Condition::Unknown(_) => (self.good >= IN_A_ROW, true),
            Condition::Degraded(_) => (worse.is_some() || self.fine >= IN_A_ROW, false),
            Condition::Healthy => (true, false),
        };
        if !is_sure {
            return;
        }
        if let Some(start) = self.start.take()
            && self.raw == Condition::Starting
        {
            self.starts.took(at - start.began);
        }
        if was_down {
            self.marks = Marks::default();
        }
        let to = match worse.or_else(|| self.marks.blemish()) {
            Some(reason) => Condition::Degraded(reason),
            None => Condition::Healthy,
        };
        self.settle(to, at);
    }

    /// It says itself that it is on its way up.
    fn come(&mut self, probe: &Probe, at: DateTime<Utc>) {
        self.good = 0;
        match self.raw {
            // These are never ready: that it says so once more is nothing new.
            Condition::Failed(Reason::StartStalled | Reason::CrashLoop) => self.was_bad = true,
            Condition::Starting => {
                if let Some(start) = &mut self.start {
                    start.stirred = Some(at);
                }
                self.hurry(probe, Reason::StartStalled, at);
            }
            Condition::Healthy
            | Condition::Degraded(_)
            | Condition::Failed(_)
            | Condition::Unknown(_) => self.begin(probe, at, at),
        }
    }

    /// Nobody listens, and that may be because it is on its way up.
    fn darken(&mut self, probe: &Probe, at: DateTime<Utc>) {
        self.good = 0;
        match self.raw {
            Condition::Starting => self.hurry(probe, Reason::StartStalled, at),
            Condition::Unknown(_) => self.begin(probe, at, at),
            Condition::Failed(_) => self.marks.bad(Reason::Unresponsive, at),
            Condition::Healthy | Condition::Degraded(_) => {
                self.marks.bad(Reason::Unresponsive, at);
                if self.marks.is_failed(Reason::Unresponsive, self.is_still(at), at) {
                    let since = self.failing_since().unwrap_or(at);
                    self.begin(probe, since, at);
                }
            }
        }
    }

    fn fail(&mut self, probe: &Probe, reason: Reason, at: DateTime<Utc>) {
        self.good = 0;
        let is_early = self.raw == Condition::Starting && reason.weight() == Weight::Excused;
        if is_early {
            let told = if reason == Reason::Unresponsive { Reason::StartStalled } else { reason };
            return self.hurry(probe, told, at);
        }
        // Between two processes there is none.
        if reason == Reason::Exited
            && let (Condition::Starting, Some(start)) = (self.raw, &self.start)
            && at - start.began < PROCESS_COMES
        {
            return;
        }
        self.marks.bad(reason, at);
        if self.marks.is_failed(reason, self.is_still(at), at) {
            self.settle(Condition::Failed(reason), at);
        } else if self.raw == Condition::Healthy
            && let Some(blemish) = self.marks.blemish()
        {
            self.settle(Condition::Degraded(blemish), at);
        }
    }

    /// Takes it as being on its way up since then.
    fn begin(&mut self, probe: &Probe, since: DateTime<Utc>, at: DateTime<Utc>) {
        let deadline = self.starts.deadline(probe);
        // One that was out of sight for a while is given what was left, or all of it.
        let start = self.start.take().filter(|start| start.until(deadline) > at);
        self.start = Some(start.unwrap_or_else(|| Start::at(since)));
        self.marks = Marks::default();
        self.settle(Condition::Starting, at);
    }

    /// It is still not ready: once its time is over, that is a failure.
    fn hurry(&mut self, probe: &Probe, reason: Reason, at: DateTime<Utc>) {
        self.was_bad = true;
        let deadline = self.starts.deadline(probe);
        let start = self.start.get_or_insert_with(|| Start::at(at));
        if at > start.until(deadline) {
            self.marks.bad(reason, at);
            self.start = None;
            self.settle(Condition::Failed(reason), at);
        }
    }

    /// Says whether no work was seen of it for a while.
    fn is_still(&self, at: DateTime<Utc>) -> bool {
        self.moved.is_none_or(|moved| at - moved > PROGRESS_HOLDS)
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
