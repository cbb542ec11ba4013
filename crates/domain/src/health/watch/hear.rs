//! What is heard of guests and their hosts.

use std::sync::Arc;

use chrono::TimeDelta;

use super::super::{
    Condition, Duty, Ground, HostFacts, Judge, Patient, Process, Reading, Reason, Root, Told, Turn,
};
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

    /// Looks at a guest anew, as what excused it is over: it has all of its time once more.
    pub(super) fn look_anew(
        &mut self,
        guest: GuestKey,
        told: &mut Vec<Told>,
        turn: impl FnMut(&mut Judge) -> Option<Turn>,
    ) {
        if let Some(watched) = self.guests.get_mut(&guest) {
            watched.file.anew = Some(self.now);
            self.changed.insert(PieceKey::Guest(guest));
        }
        self.turn_all(guest, told, turn);
    }

    /// Makes something of all judges of a guest.
    pub(super) fn turn_all(
        &mut self,
        guest: GuestKey,
        told: &mut Vec<Told>,
        mut turn: impl FnMut(&mut Judge) -> Option<Turn>,
    ) {
        let count = self.guests.get(&guest).map_or(0, |watched| watched.ends.len());
        for index in 0..count {
            let end = self.guests.get_mut(&guest).and_then(|watched| watched.ends.get_mut(index));
            let Some(end) = end else { continue };
            let turned = turn(&mut end.judge);
            self.changed.insert(PieceKey::Probe(guest, end.probe.name.clone()));
            if let Some(turned) = turned {
                self.turned(guest, index, turned, told);
            }
        }
    }

    /// Tells that a probe has turned, and counts a guest that fell.
    fn turned(&mut self, guest: GuestKey, index: usize, turn: Turn, told: &mut Vec<Told>) {
        let now = self.now;
        let Some(watched) = self.guests.get_mut(&guest) else { return };
        let Some(end) = watched.ends.get_mut(index) else { return };
        if turn.to == Condition::Healthy {
            end.evidence = None;
        }
        let probe = end.probe.name.clone();
        self.changed.insert(PieceKey::Probe(guest, probe.clone()));
        let told_evidence = match turn.to {
            Condition::Starting | Condition::Healthy => None,
            Condition::Degraded(_) | Condition::Failed(_) | Condition::Unknown(_) => {
                end.evidence.clone()
            }
        };
        told.push(Told::Turned {
            guest,
            probe,
            from: turn.from,
            to: turn.to,
            evidence: told_evidence,
            since: end.judge.since(),
        });
        self.exhibit(guest, index, turn.to);
        let is_parent = self.members.contains_key(&Ground::Guest(guest));
        if is_parent {
            let is_down = self.is_unfit(guest);
            self.flip(&Ground::Guest(guest), is_down, told);
        }
        if falls(&turn) {
            self.fall(guest, now);
        }
        if turn.to == Condition::Failed(Reason::Hung)
            && let Some(watched) = self.guests.get(&guest)
        {
            self.guards.hung(&watched.patient, now);
            self.changed.insert(PieceKey::Guards);
        }
    }

    /// Says whether those who need this guest cannot be well because of it. Once that is so it stays
    /// so until it serves: a start is not the end of it.
    fn is_unfit(&self, guest: GuestKey) -> bool {
        let ground = Ground::Guest(guest);
        let was_unfit = self.guards.down.iter().any(|(one, _)| *one == ground);
        let ends = self.guests.get(&guest).into_iter().flat_map(|watched| &watched.ends);
        ends.map(|end| end.judge.condition()).any(|condition| match condition {
            Condition::Failed(_) | Condition::Degraded(Reason::Flapping) => true,
            Condition::Starting => was_unfit,
            // That the monitor is not let in says nothing about anybody else.
            Condition::Unknown(reason) => {
                let is_out_of_reach =
                    matches!(reason, Reason::Unreachable | Reason::HostSilent | Reason::Foundation);
                is_out_of_reach || (was_unfit && reason == Reason::Unjudged)
            }
            Condition::Healthy | Condition::Degraded(_) => false,
        })
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

/// Says whether a guest that turned like this may be one of many: where the way to it is lost, the way to
/// its neighbours often is. One to which no way was ever known has lost none.
fn falls(turn: &Turn) -> bool {
    let unreachable = Condition::Unknown(Reason::Unreachable);
    let fell = |condition: Condition| condition.is_failed() || condition == unreachable;
    let was_never_found =
        turn.from == Condition::Unknown(Reason::Unjudged) && turn.to == unreachable;
    fell(turn.to) && !fell(turn.from) && !was_never_found
}
