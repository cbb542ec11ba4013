//! Whether the monitor itself is well enough to judge others.

use super::super::guards::Sick;
use super::super::{Next, Reason, Root, SelfCheck, Severity, Told};
use super::{PieceKey, Watch, words};
use crate::GuestKey;

/// So many probes have to be made before a share of them means anything.
const MANY_PROBES: u32 = 20;

/// A monitor that was late has to be on time for so long, in seconds.
const ON_TIME: i64 = 10;

impl Watch {
    pub(super) fn hear_self(&mut self, check: SelfCheck, told: &mut Vec<Told>) {
        if check.bus_lag > self.limits.bus_lag {
            let why = format!("the bus lags by {} s", check.bus_lag.num_seconds());
            self.open_breaker(None, why, told);
        }
        let is_late = check.lag > self.limits.own_lag;
        let is_blind = check.asked >= MANY_PROBES
            && u64::from(check.timed_out) * 10 > u64::from(check.asked) * 3;
        let why = if is_late {
            format!("its probes are {} ms late", check.lag.num_milliseconds())
        } else {
            format!("{} of {} probes timed out", check.timed_out, check.asked)
        };
        let was_sick = self.guards.sick.is_some();
        match (&mut self.guards.sick, is_late || is_blind) {
            (Some(sick), true) => sick.fine_since = None,
            (sick @ None, true) => *sick = Some(Sick { why: why.clone(), fine_since: None }),
            (Some(sick), false) => {
                let since = *sick.fine_since.get_or_insert(self.now);
                if (self.now - since).num_seconds() >= ON_TIME {
                    self.guards.sick = None;
                }
            }
            (None, false) => return,
        }
        self.changed.insert(PieceKey::Guards);
        match (was_sick, self.guards.sick.is_some()) {
            (false, true) => {
                let mut draft = words::blank(Root::Monitor, Reason::MonitorSick, self.now);
                draft.severity = Severity::Warn;
                draft.text =
                    words::short(format!("the monitor is not well, and judges nobody: {why}"));
                let at = self.now + self.limits.blind;
                let why = "a human is called unless it is well by then".to_owned();
                draft.next = Next::Look { at, why, then: None };
                draft.commands = words::common_commands(&draft.id);
                self.put(draft, told);
            }
            (true, false) => {
                self.resolve(&Root::Monitor, "it is on time again", told);
                let now = self.now;
                let mut guests: Vec<GuestKey> = self.guests.keys().copied().collect();
                guests.sort_unstable();
                for guest in guests {
                    self.look_anew(guest, told, |judge| judge.rebase(now));
                    self.attend(guest, told);
                }
            }
            (true, true) | (false, false) => {}
        }
    }
}
