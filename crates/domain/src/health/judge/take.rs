//! What one reading makes of what was found before it.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::marks::Marks;
use super::super::reason::Weight;
use super::super::sign::Sign;
use super::super::starts::Start;
use super::super::{Condition, Probe, Reason};
use super::{Judge, PROGRESS_HOLDS};

/// A service that is being started has no process for a while, and its supervisor has this long.
const PROCESS_COMES: TimeDelta = TimeDelta::seconds(60);

/// Readings in a row that end a condition for the better, and those that end it for want of any.
const IN_A_ROW: u8 = 2;

/// Readings in a row of a service that serves worse than it should, before that is told.
const WORSE_IN_A_ROW: u8 = 3;

impl Judge {
    pub(super) fn take(&mut self, probe: &Probe, sign: Sign, at: DateTime<Utc>) {
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
}
