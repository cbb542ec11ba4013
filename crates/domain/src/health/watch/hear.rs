//! What is heard of guests and their hosts.

use std::sync::Arc;

use chrono::TimeDelta;

use super::super::{Duty, Ground, HostFacts, Judge, Patient, Process, Reading, Root, Told};
use super::common_cause::BLINK;
use super::{End, File, Host, PieceKey, Waiting, Watch, Watched};
use crate::GuestKey;

/// A start longer ago than this says nothing about what is found now.
const START_FADES: TimeDelta = TimeDelta::hours(1);

impl Watch {
    pub(super) fn hear_reading(
        &mut self,
        guest: GuestKey,
        probe: &str,
        mut reading: Reading,
        told: &mut Vec<Told>,
    ) {
        // A monitor that is late itself sees everybody late.
        if self.guards.sick.is_some() {
            return;
        }
        reading.at = reading.at.min(self.now);
        let Some(watched) = self.guests.get_mut(&guest) else { return };
        if watched.patient.duty == Duty::Rests {
            return;
        }
        let shade = watched.file.shade.as_ref().map(|(ground, _)| ground.shadow());
        let Some(index) = watched.ends.iter().position(|end| *end.probe.name == *probe) else {
            return;
        };
        let Some(end) = watched.ends.get_mut(index) else { return };
        let turn = end.judge.read(&end.probe, &reading, shade);
        if end.judge.moved() > watched.file.moved {
            watched.file.moved = end.judge.moved();
        }
        let is_ailing = end.judge.ailing() == Some(reading.at);
        let is_new = end.judge.last() == Some(reading.at);
        if is_new && (is_ailing || turn.is_some_and(|turn| turn.to.reason().is_some())) {
            match &mut end.evidence {
                Some(evidence) => **evidence = reading.evidence,
                None => end.evidence = Some(Box::new(reading.evidence)),
            }
        }
        if let Some(turn) = turn {
            self.turned(guest, index, turn, told);
            self.attend(guest, told);
        }
    }

    pub(super) fn hear_process(&mut self, guest: GuestKey, probe: &str, process: Process) {
        let now = self.now;
        let Some(watched) = self.guests.get_mut(&guest) else { return };
        let end = watched.ends.iter_mut().find(|end| *end.probe.name == *probe);
        if let Some(end) = end {
            end.judge.see(process, now);
        }
    }

    pub(super) fn hear_guest(&mut self, patient: Box<Patient>, told: &mut Vec<Told>) {
        let guest = patient.guest;
        if self.guests.get(&guest).is_some_and(|watched| watched.patient == patient) {
            return;
        }
        let before = self.guests.remove(&guest);
        self.on_duty -= before.as_ref().map_or(0, |watched| watched.patient.weight());
        self.on_duty += patient.weight();
        let (file, mut old, was) = if let Some(watched) = before {
            self.unseat(&watched.patient);
            let ends = watched.ends.into_iter();
            let judges = ends.map(|end| (end.probe.name, end.judge, end.evidence)).collect();
            (watched.file, judges, Some(watched.patient.duty))
        } else {
            let Waiting { file, judges } = self.take_kept(guest);
            self.agenda.extend(file.wake.map(|wake| (wake, guest)));
            (file, judges, None)
        };
        let now = self.now;
        let ends = patient.probes.iter().map(|probe| {
            let kept = old.iter().position(|(name, ..)| *name == probe.name);
            let (judge, evidence) = match kept.map(|index| old.swap_remove(index)) {
                Some((_, judge, evidence)) => (judge, evidence),
                None => (Judge::new(now), None),
            };
            End { probe: probe.clone(), judge, evidence }
        });
        let ends = ends.collect();
        let (duty, started) = (patient.duty, patient.started);
        let fell = file.fell;
        let seats: Arc<[Ground]> = patient.seats().collect();
        for ground in patient.grounds() {
            self.members.entry(ground).or_default().insert(guest);
        }
        let known = file.started;
        let watched = Watched { patient, seats, ends, file };
        self.changed.extend(old.into_iter().map(|(name, ..)| PieceKey::Probe(guest, name)));
        self.guests.insert(guest, watched);
        // What it stands on may have become well while nobody watched.
        self.reshade(guest, told);
        if let Some(at) = fell.filter(|_| was.is_none()) {
            // It was counted before, and what followed from that is known.
            self.count(guest, at);
        }
        // A guest that was started is starting, and one that somebody has left alone again is
        // looked at anew.
        let is_recent = started.is_some_and(|at| now - at < START_FADES);
        if started > known && is_recent {
            if let Some(watched) = self.guests.get_mut(&guest) {
                watched.file.started = started;
            }
            self.changed.insert(PieceKey::Guest(guest));
            let at = started.unwrap_or(now).min(now);
            self.turn_all(guest, told, |judge| {
                // What it was found to be since then is newer.
                if judge.last().is_none_or(|last| last <= at) || !judge.condition().is_serving() {
                    judge.restarted(at)
                } else {
                    None
                }
            });
        } else if was.is_some_and(|was| was != duty) && duty == Duty::Serves {
            self.look_anew(guest, told, |judge| judge.rebase(now));
        }
        if was.is_some() || self.guests.get(&guest).is_some_and(|one| one.file.wake.is_none()) {
            self.attend(guest, told);
        }
    }

    pub(super) fn hear_gone(&mut self, guest: GuestKey, told: &mut Vec<Told>) {
        let kept = self.kept.remove(&guest).map(|waiting| {
            let names = waiting.judges.into_iter().map(|(name, ..)| name).collect();
            (waiting.file, names)
        });
        let here = self.guests.remove(&guest).map(|watched| {
            self.on_duty -= watched.patient.weight();
            self.unseat(&watched.patient);
            let names = watched.ends.into_iter().map(|end| end.probe.name).collect();
            (watched.file, names)
        });
        let Some((file, names)): Option<(File, Vec<Box<str>>)> = here.or(kept) else { return };
        if let Some(wake) = file.wake {
            self.agenda.remove(&(wake, guest));
        }
        self.together.leave(guest);
        self.changed.insert(PieceKey::Guest(guest));
        self.changed.extend(names.into_iter().map(|name| PieceKey::Probe(guest, name)));
        self.guards.flights.retain(|flight| flight.order.guest != guest);
        self.guards.modes.retain(|(one, _)| *one != guest);
        self.changed.insert(PieceKey::Guards);
        self.flip(&Ground::Guest(guest), false, told);
        self.resolve(&Root::Guest(guest), "the guest is gone", told);
        if let Some(under) = file.under {
            self.leave_incident(&under, guest);
        }
    }

    pub(super) fn hear_all_named(&mut self, told: &mut Vec<Told>) {
        let gone: Vec<GuestKey> = self.kept.keys().copied().collect();
        for guest in gone {
            self.hear_gone(guest, told);
        }
    }

    pub(super) fn hear_host(&mut self, facts: &HostFacts, told: &mut Vec<Told>) {
        let host = Host { heard: self.now, busy: facts.facts.busy.clone() };
        self.hosts.insert(facts.host.clone(), host);
        let broken: Vec<Ground> = facts.broken().collect();
        let mended = self
            .guards
            .down
            .iter()
            .map(|(ground, _)| ground)
            .filter(|ground| ground.host() == Some(&facts.host) && !broken.contains(ground));
        let mended: Vec<Ground> = mended.cloned().collect();
        // A host that says nothing says nothing about its parts either.
        if facts.is_alive {
            for ground in mended {
                self.flip(&ground, false, told);
            }
        }
        for ground in broken {
            self.flip(&ground, true, told);
        }
    }

    fn unseat(&mut self, patient: &Patient) {
        for ground in patient.grounds() {
            if let Some(members) = self.members.get_mut(&ground) {
                members.remove(&patient.guest);
                if members.is_empty() {
                    self.members.remove(&ground);
                }
            }
        }
    }

    /// Looks at what a guest stands on. Once all of that is well again the guest has a fresh grace.
    pub(super) fn reshade(&mut self, guest: GuestKey, told: &mut Vec<Told>) {
        let now = self.now;
        let Some(watched) = self.guests.get_mut(&guest) else { return };
        let down = &self.guards.down;
        let shade = watched
            .patient
            .grounds()
            .filter_map(|ground| down.iter().find(|(one, _)| *one == ground))
            .min()
            .cloned();
        if watched.file.shade == shade {
            return;
        }
        let before = std::mem::replace(&mut watched.file.shade, shade);
        self.changed.insert(PieceKey::Guest(guest));
        let is_free = self.guests.get(&guest).is_some_and(|watched| watched.file.shade.is_none());
        let Some((_, since)) = before.filter(|_| is_free) else { return };
        self.look_anew(guest, told, |judge| {
            if now - since < BLINK { judge.rebase(now) } else { judge.grace(now) }
        });
    }
}
