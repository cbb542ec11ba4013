//! What lies ahead of a guest that is not well: by when a human is called, and what is tried next.

use chrono::{DateTime, Utc};

use super::super::rung::course;
use super::super::{Condition, Mode, Next, Reason, Root, Rung};
use super::{Watch, Watched};
use crate::GuestKey;

impl Watch {
    /// Returns until when it is nobody's business that nothing is known of a guest since then.
    pub(super) fn blind_until(&self, watched: &Watched, since: DateTime<Utc>) -> DateTime<Utc> {
        let until = since + self.limits.blind;
        self.call_at(watched).map_or(until, |call| until.min(call))
    }

    /// Returns when a human is called at the latest for the incident of a guest, however often it was
    /// started or seen in between. Only somebody who was at it moves that away.
    pub(super) fn call_at(&self, watched: &Watched) -> Option<DateTime<Utc>> {
        let incident = self.incidents.get(watched.file.incident.as_ref()?)?;
        let from = watched.file.anew.map_or(incident.opened, |anew| anew.max(incident.opened));
        Some(from + self.limits.patience)
    }

    /// Returns what is tried once what is tried now has not helped.
    fn rung_after(&self, watched: &Watched, reason: Reason) -> Option<Rung> {
        if self.guards.mode(&watched.patient) != Mode::On || self.guards.breaker.is_some() {
            return None;
        }
        let course = course(reason, self.guards.hung_before(&watched.patient, self.now))?;
        let ladder = &watched.file.ladder;
        let next = ladder.rung(reason, course, watched.patient.means).map(|(rung, _)| rung);
        let next = next.filter(|rung| self.overspent(watched, *rung).is_none());
        Some(next.filter(|_| ladder.given_up.is_none()).unwrap_or(Rung::Human))
    }

    /// Returns the probe of a guest that its incident is about.
    pub(super) fn failed_last(&self, guest: GuestKey) -> usize {
        let Some(watched) = self.guests.get(&guest) else { return 0 };
        let incident = watched.file.incident.as_ref().and_then(|id| self.incidents.get(id));
        let shown = incident.into_iter().flat_map(|incident| &incident.evidence);
        let telling = shown.max_by_key(|exhibit| Condition::Failed(exhibit.found).detail());
        let found = telling
            .and_then(|shown| watched.ends.iter().position(|end| end.probe.name == shown.probe));
        found.unwrap_or_default()
    }

    /// Returns what is tried on a guest once what is waited for has not come.
    pub(super) fn then(&self, guest: GuestKey) -> Option<Rung> {
        let incident = self.by_root.get(&Root::Guest(guest)).and_then(|id| self.incidents.get(id));
        self.rung_after(self.guests.get(&guest)?, incident?.reason)
    }

    /// Says that a worker is at a guest, and what comes after that.
    pub(super) fn under_way(
        &self,
        guest: GuestKey,
        rung: Rung,
        until: DateTime<Utc>,
        reason: Reason,
    ) -> Next {
        let watched = self.guests.get(&guest);
        let then = watched.and_then(|watched| self.rung_after(watched, reason));
        Next::UnderWay { rung, until, then }
    }
}
