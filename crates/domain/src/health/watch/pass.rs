//! What comes due as time passes.

use chrono::{DateTime, Utc};

use super::super::{Next, Outcome, Root, Selector, Severity, Told};
use super::attend::Hands;
use super::{PieceKey, Watch};
use crate::GuestKey;

impl Watch {
    /// Does what is due. What guests stand on comes before them.
    pub(super) fn pass(&mut self, told: &mut Vec<Told>) {
        self.pass_windows(told);
        let lost = self.guards.flights.iter().filter(|flight| flight.until <= self.now);
        let lost: Vec<_> = lost.map(|flight| flight.order.clone()).collect();
        for order in lost {
            self.hear_outcome(
                &order,
                Outcome::Failed("nobody has said a word of it".to_owned()),
                told,
            );
        }
        self.pass_grounds(told);
        self.pass_monitor(told);
        let due = self.agenda.iter().take_while(|(at, _)| *at <= self.now);
        let due: Vec<GuestKey> = due.map(|(_, guest)| *guest).collect();
        for guest in due {
            self.wake(guest, None);
            self.attend_with(guest, Hands::Free, told);
        }
    }

    /// Returns when anything but a guest is due.
    pub(super) fn appointments(&self) -> impl Iterator<Item = DateTime<Utc>> {
        let windows = self
            .guards
            .windows
            .iter()
            .map(|window| if window.is_warned { window.to } else { window.warning() });
        let flights = self.guards.flights.iter().map(|flight| flight.until);
        let monitor = self.monitor_incident_due();
        windows.chain(flights).chain(self.ground_appointments()).chain(monitor)
    }

    /// Warns of the end of maintenance, and ends it: whoever was left alone is looked at anew.
    pub(super) fn pass_windows(&mut self, told: &mut Vec<Told>) {
        let now = self.now;
        let mut over = Vec::new();
        for window in &mut self.guards.windows {
            if window.to <= now {
                over.push(window.clone());
            } else if !window.is_warned && window.warning() <= now {
                window.is_warned = true;
                self.changed.insert(PieceKey::Guards);
                told.push(Told::MaintenanceEnds(window.clone()));
            }
        }
        if over.is_empty() {
            return;
        }
        self.guards.windows.retain(|window| window.to > now);
        self.changed.insert(PieceKey::Guards);
        for window in over {
            let guests = self.selected(&window.selector);
            told.push(Told::MaintenanceOver(window));
            for guest in guests {
                self.look_anew(guest, told, |judge| judge.rebase(now));
                self.attend(guest, told);
            }
        }
    }

    fn selected(&self, selector: &Selector) -> Vec<GuestKey> {
        let watched = self.guests.values().map(|watched| &watched.patient);
        let guests = watched.filter(|patient| selector.has(patient.guest, &patient.host));
        let mut guests: Vec<GuestKey> = guests.map(|patient| patient.guest).collect();
        guests.sort_unstable();
        guests
    }

    /// Calls a human to a monitor that stays unwell.
    fn pass_monitor(&mut self, told: &mut Vec<Told>) {
        let is_due = self.monitor_incident_due().is_some_and(|at| at <= self.now);
        let incident = self.by_root.get(&Root::Monitor).and_then(|id| self.incidents.get(id));
        if let (true, Some(mut draft)) = (is_due, incident.cloned()) {
            draft.severity = Severity::Page;
            draft.next = Next::None { why: "it judges nobody until it is well".to_owned() };
            self.put(draft, told);
        }
    }

    fn monitor_incident_due(&self) -> Option<DateTime<Utc>> {
        let incident = self.incidents.get(self.by_root.get(&Root::Monitor)?)?;
        (incident.severity < Severity::Page).then(|| incident.opened + self.limits.blind)
    }
}
