//! The incidents that are open: opened, told anew where something has changed, and ended.

use super::super::incident::EXHIBITS;
use super::super::{Condition, Exhibit, Incident, IncidentId, Next, Reason, Root, Told};
use super::{PieceKey, Watch, words};
use crate::GuestKey;

impl Watch {
    /// Opens an incident that is not told yet.
    pub(super) fn open_guest(&mut self, guest: GuestKey, reason: Reason) {
        let mut blank = words::blank(Root::Guest(guest), reason, self.now);
        blank.guests = vec![guest];
        blank.evidence = self.exhibits(&blank.guests);
        if let Some(watched) = self.guests.get_mut(&guest) {
            watched.file.incident = Some(blank.id.clone());
            watched.file.held = None;
        }
        self.changed.insert(PieceKey::Guest(guest));
        self.by_root.insert(blank.root.clone(), blank.id.clone());
        self.incidents.insert(blank.id.clone(), blank);
    }

    /// Returns the incident of a guest, to be changed.
    pub(super) fn draft(&self, guest: GuestKey) -> Option<Incident> {
        let id = self.by_root.get(&Root::Guest(guest))?;
        let mut draft = self.incidents.get(id)?.clone();
        let watched = self.guests.get(&guest)?;
        draft.tried.clone_from(&watched.file.ladder.tries);
        Some(draft)
    }

    /// Takes in what is to be said of an incident, and tells it where it is new.
    pub(super) fn put(&mut self, mut draft: Incident, told: &mut Vec<Told>) -> IncidentId {
        let id = match self.by_root.get(&draft.root) {
            Some(id) => id.clone(),
            None => draft.id.clone(),
        };
        draft.id = id.clone();
        draft.outgrow(self.now);
        let known = self.incidents.get(&id).filter(|known| !known.text.is_empty());
        match known {
            Some(known) if *known == draft => return id,
            Some(_) => {
                draft.updated = self.now;
                told.push(Told::Updated(Box::new(draft.clone())));
            }
            None => told.push(Told::Opened(Box::new(draft.clone()))),
        }
        self.changed.insert(PieceKey::Incident(id.clone()));
        self.by_root.insert(draft.root.clone(), id.clone());
        self.incidents.insert(id.clone(), draft);
        id
    }

    /// Ends an incident, if it is open.
    pub(super) fn resolve(&mut self, root: &Root, why: &str, told: &mut Vec<Told>) {
        let Some(id) = self.by_root.remove(root) else { return };
        self.changed.insert(PieceKey::Incident(id.clone()));
        if let Root::Guest(guest) = root
            && let Some(watched) = self.guests.get_mut(guest)
        {
            watched.file.incident = None;
            watched.file.held = None;
            self.changed.insert(PieceKey::Guest(*guest));
        }
        let Some(mut incident) = self.incidents.remove(&id) else { return };
        incident.resolved = Some(self.now);
        incident.updated = self.now;
        incident.next = Next::None { why: why.to_owned() };
        incident.text = words::short(format!("{root}: over, {why}"));
        told.push(Told::Resolved(Box::new(incident)));
    }

    /// Adds what a probe has turned by to the incident of its guest.
    pub(super) fn exhibit(&mut self, guest: GuestKey, index: usize, found: Condition) {
        let Some(reason) = found.reason() else { return };
        let Some(id) = self.by_root.get(&Root::Guest(guest)) else { return };
        let Some(end) = self.guests.get(&guest).and_then(|watched| watched.ends.get(index)) else {
            return;
        };
        let Some(evidence) = &end.evidence else { return };
        let exhibit = Exhibit {
            guest,
            probe: end.probe.name.clone(),
            at: self.now,
            found: reason,
            evidence: (**evidence).clone(),
        };
        if let Some(incident) = self.incidents.get_mut(id) {
            incident.show(exhibit);
            self.changed.insert(PieceKey::Incident(id.clone()));
        }
    }

    /// Returns what there is to show of guests that are not well.
    pub(super) fn exhibits(&self, guests: &[GuestKey]) -> Vec<Exhibit> {
        let ends = guests.iter().filter_map(|guest| Some((*guest, self.guests.get(guest)?)));
        let ends = ends.flat_map(|(guest, watched)| {
            watched.ends.iter().filter_map(move |end| {
                Some(Exhibit {
                    guest,
                    probe: end.probe.name.clone(),
                    at: end.judge.last()?,
                    found: end.judge.condition().reason()?,
                    evidence: (**end.evidence.as_ref()?).clone(),
                })
            })
        });
        ends.take(EXHIBITS).collect()
    }
}
