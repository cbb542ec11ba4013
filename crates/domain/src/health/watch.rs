//! The watch over all guests of a cell: what is heard of them goes in, what is to be told and done
//! about them comes out. It does nothing itself, and knows no time but what it is given.

mod acks;
mod ahead;
mod attend;
mod budget;
mod common_cause;
mod hear;
mod human;
mod incidents;
mod keep;
mod obstacle;
mod orders;
mod own;
mod pass;
mod prospect;
mod turned;
mod weigh;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use super::guards::Guards;
use super::ladder::Ladder;
use super::together::Together;
use super::{
    Condition, Curb, Evidence, Ground, Heard, Hold, Incident, IncidentId, Judge, Limits, Patient,
    Probe, Root, Rung, Told,
};
use crate::{GuestKey, NodeName};

pub use keep::{Piece, PieceKey};

/// The watch over all guests of a cell.
#[derive(Clone, Debug)]
pub struct Watch {
    limits: Limits,
    now: DateTime<Utc>,
    /// When it began, or took over.
    begun: DateTime<Utc>,
    guests: FxHashMap<GuestKey, Watched>,
    /// Who stands on what.
    members: FxHashMap<Ground, FxHashSet<GuestKey>>,
    hosts: FxHashMap<NodeName, Host>,
    /// How many guests anything is expected of.
    on_duty: usize,
    guards: Guards,
    together: Together,
    /// The open ones.
    incidents: BTreeMap<IncidentId, Incident>,
    by_root: FxHashMap<Root, IncidentId>,
    /// When which guest is looked at again.
    agenda: BTreeSet<(DateTime<Utc>, GuestKey)>,
    /// What was kept of guests that were not named yet.
    kept: BTreeMap<GuestKey, Waiting>,
    changed: BTreeSet<PieceKey>,
    /// Whether an incident of what guests stand on may be over.
    is_restless: bool,
}

/// A guest that is watched.
#[derive(Clone, Debug)]
struct Watched {
    patient: Box<Patient>,
    seats: Arc<[Ground]>,
    ends: Vec<End>,
    file: File,
}

/// A probe of a guest, with what it has led to.
#[derive(Clone, Debug)]
struct End {
    probe: Probe,
    judge: Judge,
    /// What the last bad reading rests on.
    evidence: Option<Box<Evidence>>,
}

/// What is kept of a guest besides its readings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    ladder: Ladder,
    incident: Option<IncidentId>,
    /// The incident it is in with others.
    under: Option<IncidentId>,
    /// The uppermost of what it stands on that is not well, and since when that is so.
    shade: Option<(Ground, DateTime<Utc>)>,
    /// Repairs within the last day.
    repairs: Vec<(DateTime<Utc>, Rung)>,
    fell: Option<DateTime<Utc>>,
    /// When it was last looked at anew, because whatever excused it was over.
    anew: Option<DateTime<Utc>>,
    moved: Option<DateTime<Utc>>,
    started: Option<DateTime<Utc>>,
    wake: Option<DateTime<Utc>>,
    held: Option<Hold>,
    /// What has held its repairs back since it was well.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    curbed: BTreeSet<Curb>,
    /// Where its services answer, where that is not at its own address.
    #[serde(default)]
    elsewhere: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default)]
struct Waiting {
    file: File,
    judges: Vec<(Box<str>, Judge, Option<Box<Evidence>>)>,
}

#[derive(Clone, Debug)]
struct Host {
    heard: DateTime<Utc>,
    busy: Vec<GuestKey>,
}

impl Watch {
    /// Begins with nothing. What an earlier one has kept is given by [`Watch::restore`].
    pub fn new(limits: Limits, now: DateTime<Utc>) -> Self {
        Self {
            limits,
            now,
            begun: now,
            guests: FxHashMap::default(),
            members: FxHashMap::default(),
            hosts: FxHashMap::default(),
            on_duty: 0,
            guards: Guards::default(),
            together: Together::default(),
            incidents: BTreeMap::new(),
            by_root: FxHashMap::default(),
            agenda: BTreeSet::new(),
            kept: BTreeMap::new(),
            changed: BTreeSet::new(),
            is_restless: true,
        }
    }

    /// Takes in what is heard, and returns what is to be told and done because of it. A time before
    /// the last one counts as the last one.
    pub fn hear(&mut self, heard: Heard, at: DateTime<Utc>) -> Vec<Told> {
        self.now = self.now.max(at);
        let mut told = Vec::new();
        match heard {
            Heard::Reading { guest, probe, reading } => {
                self.hear_reading(guest, &probe, reading, &mut told);
            }
            Heard::Process { guest, probe, process } => self.hear_process(guest, &probe, process),
            Heard::Guest(patient) => self.hear_guest(patient, &mut told),
            Heard::Elsewhere { guest, at } => self.hear_elsewhere(guest, at),
            Heard::Gone(guest) => self.hear_gone(guest, &mut told),
            Heard::AllNamed => self.hear_all_named(&mut told),
            Heard::Host(facts) => self.hear_host(&facts, &mut told),
            Heard::Human(word) => self.hear_human(word, &mut told),
            Heard::Outcome { order, outcome } => self.hear_outcome(&order, outcome, &mut told),
            Heard::Monitor(check) => self.hear_self(check, &mut told),
            Heard::Tick => self.pass(&mut told),
        }
        told
    }

    /// Returns when it needs to be told that time has passed, if nothing else comes before.
    pub fn next_tick(&self) -> Option<DateTime<Utc>> {
        let guest = self.agenda.first().map(|(at, _)| *at);
        guest.into_iter().chain(self.appointments()).min()
    }

    /// Returns what a guest is found to be, by each of its probes, and since when.
    pub fn conditions(
        &self,
        guest: GuestKey,
    ) -> impl Iterator<Item = (&Probe, Condition, DateTime<Utc>)> {
        let ends = self.guests.get(&guest).into_iter().flat_map(|watched| &watched.ends);
        ends.map(|end| (&end.probe, self.shown(&end.judge), end.judge.since()))
    }

    /// Returns the incidents that are open.
    pub fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.values()
    }

    /// Returns what holds for all guests.
    pub fn guards(&self) -> &Guards {
        &self.guards
    }

    /// Returns what people are shown: a monitor that is not well itself says so, and nothing else.
    fn shown(&self, judge: &Judge) -> Condition {
        match self.guards.sick {
            Some(_) => Condition::Unknown(super::Reason::MonitorSick),
            None => judge.condition(),
        }
    }

    /// Looks at a guest again, then.
    fn wake(&mut self, guest: GuestKey, at: Option<DateTime<Utc>>) {
        let Some(watched) = self.guests.get_mut(&guest) else { return };
        if watched.file.wake == at {
            return;
        }
        if let Some(before) = watched.file.wake {
            self.agenda.remove(&(before, guest));
        }
        watched.file.wake = at;
        self.agenda.extend(at.map(|at| (at, guest)));
        self.changed.insert(PieceKey::Guest(guest));
    }
}
