//! Guests that are not well for one and the same cause.

use chrono::{DateTime, TimeDelta, Utc};
use rustc_hash::FxHashSet;

use super::super::guards::Gathering;
use super::super::{Breaker, Ground, IncidentId, Mode, Root, Severity, Told, together};
use super::super::{Duty, Next};
use super::words;
use super::{PieceKey, Watch};
use crate::GuestKey;

/// What is not well for less than this is told to nobody.
pub(super) const BLINK: TimeDelta = TimeDelta::seconds(30);

/// Guests that fail so long after an incident was opened are a part of it.
const STRAGGLERS: TimeDelta = TimeDelta::minutes(10);

impl Watch {
    /// A guest has failed: does it do so alone?
    pub(super) fn fall(&mut self, guest: GuestKey, at: DateTime<Utc>) {
        let Some(watched) = self.guests.get(&guest) else { return };
        let patient = &watched.patient;
        if patient.duty != Duty::Serves
            || watched.file.shade.is_some()
            || self.guards.mode(patient) == Mode::Off
            || self.guards.is_maintained(patient, at)
        {
            return;
        }
        if let Some(incident) = self.incident_below(guest, at) {
            self.join(&incident, guest);
            return;
        }
        if let Some(gathering) = &mut self.guards.gathering {
            if !gathering.guests.contains(&guest) {
                gathering.guests.push(guest);
            }
            self.changed.insert(PieceKey::Guards);
            return;
        }
        if let Some(watched) = self.guests.get_mut(&guest) {
            watched.file.fell = Some(at);
            self.changed.insert(PieceKey::Guest(guest));
        }
        if self.count(guest, at) {
            let guests = self.forget_falls();
            let why = format!("{} guests failed within a minute", guests.len());
            let until = at + self.limits.settle;
            self.guards.gathering = Some(Gathering { until, guests });
            if self.guards.breaker.is_none() {
                self.guards.breaker = Some(Breaker { at, by: None, why });
            }
            self.changed.insert(PieceKey::Guards);
        }
    }

    /// Begins to count anew, and returns those that were counted: whoever takes over counts none of them
    /// either.
    pub(super) fn forget_falls(&mut self) -> Vec<GuestKey> {
        let guests = self.together.take();
        for guest in &guests {
            if let Some(watched) = self.guests.get_mut(guest) {
                watched.file.fell = None;
                self.changed.insert(PieceKey::Guest(*guest));
            }
        }
        guests
    }

    /// Counts a guest that failed then, and says whether too many have.
    pub(super) fn count(&mut self, guest: GuestKey, at: DateTime<Utc>) -> bool {
        let Some(watched) = self.guests.get(&guest) else { return false };
        if self.now - at > self.limits.together {
            return false;
        }
        self.together.fell(guest, &watched.seats, at, &self.limits, self.on_duty)
    }

    /// Returns the incident of what this guest stands on, where that is young enough for the guest
    /// to be a part of it.
    fn incident_below(&self, guest: GuestKey, at: DateTime<Utc>) -> Option<IncidentId> {
        let seats = self.guests.get(&guest)?.seats.iter().cloned().chain([Ground::Fleet]);
        seats
            .filter_map(|seat| self.by_root.get(&Root::Ground(seat)))
            .find(|id| {
                let incident = self.incidents.get(id);
                incident.is_some_and(|incident| at - incident.opened < STRAGGLERS)
            })
            .cloned()
    }

    fn join(&mut self, id: &IncidentId, guest: GuestKey) {
        if let Some(incident) = self.incidents.get_mut(id)
            && !incident.guests.contains(&guest)
        {
            incident.guests.push(guest);
            self.changed.insert(PieceKey::Incident(id.clone()));
        }
        if let Some(watched) = self.guests.get_mut(&guest) {
            watched.file.under = Some(id.clone());
            self.changed.insert(PieceKey::Guest(guest));
        }
    }

    /// Those that failed together have all done so by now: what do they have in common?
    pub(super) fn settle_gathering(&mut self, told: &mut Vec<Told>) {
        let Some(gathering) = self.guards.gathering.take_if(|one| one.until <= self.now) else {
            return;
        };
        self.changed.insert(PieceKey::Guards);
        let present = gathering.guests.iter().filter_map(|guest| self.guests.get(guest));
        let seats = present.map(|watched| &*watched.seats);
        let ground =
            together::common(seats, |ground| self.members.get(ground).map_or(0, FxHashSet::len));
        let id = self.open_ground(&ground, gathering.guests.clone(), told);
        for guest in &gathering.guests {
            self.join(&id, *guest);
            self.absorb(*guest, &id, told);
        }
        for guest in gathering.guests {
            self.attend(guest, told);
        }
    }

    /// An incident of its own that has only just begun is a part of this one.
    fn absorb(&mut self, guest: GuestKey, into: &IncidentId, told: &mut Vec<Told>) {
        let root = Root::Guest(guest);
        let Some(own) = self.by_root.get(&root).and_then(|id| self.incidents.get(id)) else {
            return;
        };
        let is_young = self.now - own.opened <= self.limits.together + self.limits.settle + BLINK;
        if is_young && own.tried.is_empty() {
            self.resolve(&root, &format!("part of {into}"), told);
        }
    }

    fn open_ground(
        &mut self,
        ground: &Ground,
        guests: Vec<GuestKey>,
        told: &mut Vec<Told>,
    ) -> IncidentId {
        let root = Root::Ground(ground.clone());
        // Who is a part of one that is open stays a part of it.
        let open = self.by_root.get(&root).and_then(|id| self.incidents.get(id)).cloned();
        let before = open.iter().flat_map(|open| open.guests.clone()).collect::<Vec<_>>();
        let mut draft = open.unwrap_or_else(|| words::blank(root, ground.reason(), self.now));
        let is_down = self.guards.down.iter().any(|(one, _)| one == ground);
        draft.severity = Severity::Page;
        draft.next = if is_down {
            Next::None { why: format!("nothing is repaired before {ground} is well again") }
        } else {
            Next::None { why: "the breaker is open, and a human closes it".to_owned() }
        };
        draft.guests = guests.into_iter().filter(|guest| self.is_to_serve(*guest)).collect();
        draft.guests.extend(before);
        draft.guests.sort_unstable();
        draft.guests.dedup();
        draft.text = words::ground(ground, draft.guests.len(), is_down);
        draft.commands = words::ground_commands(ground, &draft.id, is_down);
        draft.evidence = self.exhibits(&draft.guests);
        self.put(draft, told)
    }

    /// Says whether anybody counts on a guest just now: on a template nobody does, nor on one that is
    /// being worked on.
    fn is_to_serve(&self, guest: GuestKey) -> bool {
        let watched = self.guests.get(&guest);
        watched.is_some_and(|one| one.patient.duty == Duty::Serves && !one.ends.is_empty())
    }

    /// Takes in whether something is well that guests stand on.
    pub(super) fn flip(&mut self, ground: &Ground, is_down: bool, told: &mut Vec<Told>) {
        let down = &mut self.guards.down;
        let known = down.iter().position(|(one, _)| one == ground);
        match (known, is_down) {
            (None, true) => down.push((ground.clone(), self.now)),
            (Some(index), false) => drop(down.swap_remove(index)),
            (None, false) | (Some(_), true) => return,
        }
        self.is_restless = true;
        self.changed.insert(PieceKey::Guards);
        for guest in self.members_of(ground) {
            self.reshade(guest, told);
            self.attend(guest, told);
        }
    }

    pub(super) fn members_of(&self, ground: &Ground) -> Vec<GuestKey> {
        let members = self.members.get(ground).into_iter().flatten();
        let mut members: Vec<GuestKey> = members.copied().collect();
        members.sort_unstable();
        members
    }

    /// Opens and ends the incidents of what guests stand on.
    pub(super) fn pass_grounds(&mut self, told: &mut Vec<Told>) {
        self.is_restless = false;
        self.settle_gathering(told);
        let ripe = self
            .guards
            .down
            .iter()
            .filter(|(ground, since)| self.now - *since >= BLINK && self.is_untold(ground));
        let ripe: Vec<Ground> = ripe.map(|(ground, _)| ground.clone()).collect();
        for ground in ripe {
            let members = self.members_of(&ground);
            let id = self.open_ground(&ground, members.clone(), told);
            for guest in members {
                self.absorb(guest, &id, told);
            }
        }
        let over = self.incidents.values().filter(|incident| {
            let Root::Ground(ground) = &incident.root else { return false };
            let is_down = self.guards.down.iter().any(|(one, _)| one == ground);
            let is_under = |guest: &GuestKey| {
                let watched = self.guests.get(guest);
                let waiting = self.kept.get(guest);
                let file = watched.map(|one| &one.file).or_else(|| waiting.map(|one| &one.file));
                file.is_some_and(|file| file.under.as_ref() == Some(&incident.id))
            };
            !is_down && !incident.guests.iter().any(is_under)
        });
        let over: Vec<Root> = over.map(|incident| incident.root.clone()).collect();
        for root in over {
            self.resolve(&root, "all is well again", told);
        }
    }

    /// Says whether people should hear of it and have not. A part of a silent host is one incident
    /// with it, and a guest has one of its own.
    fn is_untold(&self, ground: &Ground) -> bool {
        let Some(host) = ground.host() else { return false };
        let whole = Ground::Host(host.clone());
        let is_silenced = self.guards.mode == Mode::Off || self.guards.is_shut(host, self.now);
        !is_silenced
            && !self.by_root.contains_key(&Root::Ground(ground.clone()))
            && (whole == *ground || !self.guards.down.iter().any(|(one, _)| *one == whole))
    }

    /// Returns when something about grounds is due.
    pub(super) fn ground_appointments(&self) -> impl Iterator<Item = DateTime<Utc>> {
        let gathering = self.guards.gathering.as_ref().map(|gathering| gathering.until);
        let down = self.guards.down.iter().filter(|(ground, _)| self.is_untold(ground));
        let restless = self.is_restless.then_some(self.now);
        gathering.into_iter().chain(restless).chain(down.map(|(_, since)| *since + BLINK))
    }

    /// Takes a guest out of an incident it was in with others.
    pub(super) fn leave_incident(&mut self, id: &IncidentId, guest: GuestKey) {
        if let Some(watched) = self.guests.get_mut(&guest)
            && watched.file.under.as_ref() == Some(id)
        {
            watched.file.under = None;
            self.is_restless = true;
            self.changed.insert(PieceKey::Guest(guest));
        }
    }
}
