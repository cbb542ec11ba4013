//! The last readings of a probe, counted: so many in a row, or so many of the last ten.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::Reason;

/// Bad readings in a row that make a service failed.
const IN_A_ROW: u8 = 3;

/// So many do where they leave no doubt.
const SURE_IN_A_ROW: u8 = 2;

/// Bad ones of the last ten that do; one that fails every other time never has three in a row.
const OF_TEN: u32 = 5;

/// Bad ones of the last ten that make it degraded.
const BLEMISH: u32 = 3;

/// Time-outs in a row, where the process itself is seen to be busy.
const WHILE_STIRRING: u8 = 12;

/// How long a service that has nothing to do must have failed to answer a question of one token.
const HUNG: TimeDelta = TimeDelta::seconds(120);

/// The last readings of a probe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marks {
    /// One bit each, the latest lowest; set where it was bad.
    bits: u16,
    run: Option<Run>,
    reason: Option<Reason>,
}

/// Bad readings in a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Run {
    /// When the first of them was.
    pub(super) since: DateTime<Utc>,
    /// How many there are.
    length: u8,
    /// How many at the end of them say the same.
    same: u8,
    /// What they say.
    reason: Reason,
    /// Whether the process was seen to be busy meanwhile.
    has_stirred: bool,
}

impl Marks {
    pub(super) fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }

    pub(super) fn good(&mut self) {
        self.bits = (self.bits << 1) & 0x3ff;
        self.run = None;
    }

    pub(super) fn bad(&mut self, reason: Reason, at: DateTime<Utc>) {
        self.bits = ((self.bits << 1) | 1) & 0x3ff;
        self.reason = Some(reason);
        let run = self.run.get_or_insert(Run {
            since: at,
            length: 0,
            same: 0,
            reason,
            has_stirred: false,
        });
        if run.reason != reason {
            (run.reason, run.same) = (reason, 0);
        }
        run.length = run.length.saturating_add(1);
        run.same = run.same.saturating_add(1);
    }

    /// Takes in that the process is busy with something.
    pub(super) fn stirred(&mut self) {
        if let Some(run) = &mut self.run {
            run.has_stirred = true;
        }
    }

    /// Says whether these are enough to call it failed, the last one being for this reason.
    /// `is_still` says that no work was seen of it for a while: it may be slow, and answer now and
    /// then in time.
    pub(super) fn is_failed(&self, reason: Reason, is_still: bool, at: DateTime<Utc>) -> bool {
        let Some(run) = &self.run else { return false };
        let is_sure = matches!(reason, Reason::Exited | Reason::CrashLoop | Reason::EngineDead);
        let is_busy = reason == Reason::Unresponsive && run.has_stirred;
        if reason == Reason::Hung {
            return run.length >= IN_A_ROW && at - run.since >= HUNG;
        }
        (is_sure && run.same >= SURE_IN_A_ROW)
            || run.length >= if is_busy { WHILE_STIRRING } else { IN_A_ROW }
            || (self.of_ten() >= OF_TEN && is_still && !is_busy)
    }

    /// Returns why it does not serve as it should, where too many of the last ten were bad.
    pub(super) fn blemish(&self) -> Option<Reason> {
        self.reason.filter(|_| self.of_ten() >= BLEMISH)
    }

    fn of_ten(&self) -> u32 {
        self.bits.count_ones()
    }
}
