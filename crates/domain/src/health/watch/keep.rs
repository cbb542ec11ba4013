//! What another watch needs to go on where this one ended.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::super::guards::Guards;
use super::super::{Evidence, Incident, IncidentId, Judge, Limits, Probe};
use super::{File, Waiting, Watch};
use crate::GuestKey;

/// A part of what another watch needs to go on where this one ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "piece", rename_all = "kebab-case")]
pub enum Piece {
    /// What the readings of a probe have led to.
    Probe {
        /// The guest.
        guest: GuestKey,
        /// The probe.
        probe: Box<str>,
        /// That.
        judge: Box<Judge>,
        /// What the last bad reading rests on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<Box<Evidence>>,
    },
    /// What is kept of a guest besides.
    Guest {
        /// The guest.
        guest: GuestKey,
        /// That.
        file: Box<File>,
    },
    /// An incident that is open.
    Incident(Box<Incident>),
    /// What holds for all guests.
    Guards(Box<Guards>),
}

/// Which part it is. A later part under the same key replaces the earlier one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PieceKey {
    /// What holds for all guests.
    Guards,
    /// An incident that is open.
    Incident(IncidentId),
    /// What is kept of a guest besides its readings.
    Guest(GuestKey),
    /// What the readings of a probe have led to.
    Probe(GuestKey, Box<str>),
}

impl Watch {
    /// Goes on where another one ended. Its guests have to be named again, and its hosts described,
    /// before anything is done.
    pub fn restore(
        limits: Limits,
        pieces: impl IntoIterator<Item = Piece>,
        now: DateTime<Utc>,
    ) -> Self {
        let mut watch = Self::new(limits, now);
        for piece in pieces {
            match piece {
                Piece::Probe { guest, probe, judge, evidence } => {
                    let judges = &mut watch.kept.entry(guest).or_default().judges;
                    judges.push((probe, *judge, evidence));
                }
                Piece::Guest { guest, file } => watch.kept.entry(guest).or_default().file = *file,
                Piece::Incident(incident) => {
                    watch.by_root.insert(incident.root.clone(), incident.id.clone());
                    watch.incidents.insert(incident.id.clone(), *incident);
                }
                Piece::Guards(guards) => watch.guards = *guards,
            }
        }
        watch
    }

    /// Returns all there is to keep.
    pub fn pieces(&self) -> Vec<Piece> {
        let guests = self.guests.iter().flat_map(|(guest, watched)| {
            let keys =
                watched.ends.iter().map(|end| PieceKey::Probe(*guest, end.probe.name.clone()));
            keys.chain([PieceKey::Guest(*guest)]).collect::<Vec<_>>()
        });
        let kept = self.kept.iter().flat_map(|(guest, waiting)| {
            let judges = waiting.judges.iter();
            let keys = judges.map(|(probe, ..)| PieceKey::Probe(*guest, probe.clone()));
            keys.chain([PieceKey::Guest(*guest)]).collect::<Vec<_>>()
        });
        let incidents = self.incidents.keys().cloned().map(PieceKey::Incident);
        let keys = guests.chain(kept).chain(incidents).chain([PieceKey::Guards]);
        keys.filter_map(|key| self.piece(&key)).collect()
    }

    /// Returns what there is to keep since this was last asked; nothing is to be kept any more
    /// where there is no piece. What the readings in between two turns have led to is not among it:
    /// losing that costs a reading or two, and keeping it would cost a write for each.
    pub fn take_changed(&mut self) -> Vec<(PieceKey, Option<Piece>)> {
        let changed = std::mem::take(&mut self.changed);
        changed
            .into_iter()
            .map(|key| {
                let piece = self.piece(&key);
                (key, piece)
            })
            .collect()
    }

    fn piece(&self, key: &PieceKey) -> Option<Piece> {
        match key {
            PieceKey::Guards => Some(Piece::Guards(Box::new(self.guards.clone()))),
            PieceKey::Incident(id) => {
                Some(Piece::Incident(Box::new(self.incidents.get(id)?.clone())))
            }
            PieceKey::Guest(guest) => {
                let watched = self.guests.get(guest).map(|watched| &watched.file);
                let file = watched.or_else(|| self.kept.get(guest).map(|kept| &kept.file))?;
                Some(Piece::Guest { guest: *guest, file: Box::new(file.clone()) })
            }
            PieceKey::Probe(guest, probe) => {
                let (judge, evidence) = if let Some(watched) = self.guests.get(guest) {
                    let end = watched.ends.iter().find(|end| end.probe.name == *probe)?;
                    (&end.judge, &end.evidence)
                } else {
                    let judges = &self.kept.get(guest)?.judges;
                    let (_, judge, evidence) = judges.iter().find(|(name, ..)| name == probe)?;
                    (judge, evidence)
                };
                Some(Piece::Probe {
                    guest: *guest,
                    probe: probe.clone(),
                    judge: Box::new(judge.clone()),
                    evidence: evidence.clone(),
                })
            }
        }
    }

    /// Returns where the services of a guest answered last, where that is not at its own address.
    pub fn elsewhere(&self, guest: GuestKey) -> BTreeMap<String, String> {
        let watched = self.guests.get(&guest).map(|watched| &watched.file);
        let file = watched.or_else(|| self.kept.get(&guest).map(|kept| &kept.file));
        file.map(|file| file.elsewhere.clone()).unwrap_or_default()
    }

    /// Returns what was known of a guest last that is not named yet.
    pub fn known_until(&self, guest: GuestKey) -> Option<DateTime<Utc>> {
        let judges = self.kept.get(&guest)?.judges.iter();
        judges.map(|(_, judge, _)| judge.known_until()).max()
    }

    /// Returns the probes of a guest that were not read since this watch began, and how old what they
    /// show is.
    pub fn unread(&self, guest: GuestKey) -> impl Iterator<Item = (&Probe, DateTime<Utc>)> {
        let ends = self.guests.get(&guest).into_iter().flat_map(|watched| &watched.ends);
        ends.filter_map(|end| {
            let known = end.judge.known_until();
            (end.judge.last()? <= self.begun && known <= self.begun).then_some((&end.probe, known))
        })
    }

    pub(super) fn hear_elsewhere(&mut self, guest: GuestKey, at: BTreeMap<String, String>) {
        let Some(watched) = self.guests.get_mut(&guest) else { return };
        if watched.file.elsewhere != at {
            watched.file.elsewhere = at;
            self.changed.insert(PieceKey::Guest(guest));
        }
    }

    /// Hands out what was kept of a guest.
    pub(super) fn take_kept(&mut self, guest: GuestKey) -> Waiting {
        self.kept.remove(&guest).unwrap_or_default()
    }
}
