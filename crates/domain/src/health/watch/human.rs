//! What humans order.

use super::super::{Duty, Maintenance, Means, Reason, Root, Rung, Told, Word};
use super::weigh::{Stance, Weighed};
use super::{PieceKey, Watch, words};
use crate::GuestKey;

impl Watch {
    pub(super) fn hear_human(&mut self, word: Word, told: &mut Vec<Told>) {
        match word {
            Word::Maintenance(window) => {
                let window = window.bounded();
                if window.to <= self.now {
                    let why = "it is over already".to_owned();
                    let what = format!("maintenance {}", window.id);
                    return told.push(Told::Declined { what, why });
                }
                let known = self.guards.windows.iter().find(|one| one.id == window.id);
                let is_warned = known.is_some_and(|one| one.is_warned && one.to == window.to);
                self.guards.windows.retain(|one| one.id != window.id);
                self.guards.windows.push(Maintenance { is_warned, ..window });
                self.changed.insert(PieceKey::Guards);
                self.attend_all(told);
            }
            Word::EndMaintenance { id } => {
                let windows = &mut self.guards.windows;
                let Some(window) = windows.iter_mut().find(|one| one.id == id) else {
                    let why = "no maintenance is called so: `phoenix maintenance list` lists them";
                    let what = format!("the end of {id}");
                    return told.push(Told::Declined { what, why: why.to_owned() });
                };
                window.to = self.now;
                self.pass_windows(told);
            }
            Word::OpenBreaker { by, why } => {
                if let Some(breaker) = &self.guards.breaker {
                    let since = breaker.at.format("%H:%M:%SZ");
                    let why = format!("the breaker is open already, since {since}");
                    let what = "the opening of the breaker".to_owned();
                    return told.push(Told::Declined { what, why });
                }
                self.open_breaker(Some(by), why, told);
            }
            Word::CloseBreaker { by, why } => {
                if self.guards.breaker.is_none() {
                    let why = "the breaker is not open, so there is nothing to close".to_owned();
                    let what = "the closing of the breaker".to_owned();
                    return told.push(Told::Declined { what, why });
                }
                self.close_breaker(&format!("{why} ({by})"), told);
            }
            Word::Mode { guest, mode } => {
                self.guards.set_mode(guest, mode);
                self.changed.insert(PieceKey::Guards);
                self.attend_all(told);
            }
            Word::Ack { incident, by, why } => self.acknowledge(&incident, by, why, told),
            Word::TakeBackAck { incident, by } => self.take_back_ack(&incident, by, told),
            Word::Repair { guest, rung, by } => self.repair_by_hand(guest, rung, &by, told),
        }
    }

    fn repair_by_hand(
        &mut self,
        guest: GuestKey,
        rung: Option<Rung>,
        by: &str,
        told: &mut Vec<Told>,
    ) {
        let mut decline = |why: &str| {
            let what = format!("repair of {}", guest.vmid);
            told.push(Told::Declined { what, why: why.to_owned() });
        };
        let Some(watched) = self.guests.get(&guest) else {
            return decline("no such guest is watched");
        };
        let patient = &watched.patient;
        if self.guards.flight(guest).is_some() {
            return decline("it is being repaired");
        }
        if patient.duty == Duty::AtWork {
            return decline(
                "a worker is at it, or it waits for somebody: `phoenix status` says which",
            );
        }
        if let Weighed::Well(since) = self.weigh(watched) {
            return decline(&format!("it has been well since {}", since.format("%H:%M:%SZ")));
        }
        let due = || match self.weigh(watched) {
            Weighed::Ill(illness) => match illness.stance {
                Stance::Go { rung, .. } | Stance::Wait { rung, .. } => rung,
                Stance::Silent(_)
                | Stance::Notify
                | Stance::Ask(_)
                | Stance::GiveUp(_)
                | Stance::Spent(_)
                | Stance::UnderRepair { .. } => Rung::Service,
            },
            Weighed::Rest | Weighed::Well(_) | Weighed::Coming { .. } | Weighed::Dim { .. } => {
                Rung::Service
            }
        };
        let rung = rung.unwrap_or_else(due);
        if !rung.is_work() {
            return decline("that is nothing a worker can do");
        }
        if rung == Rung::Recreate && patient.means != Means::Expendable {
            return decline(
                "its file does not say that it may be made again, which it says of a container without clones by `\"health\": {\"stateless\": true}`",
            );
        }
        let reasons = watched.ends.iter().filter_map(|end| end.judge.condition().reason());
        let reason = reasons.max().unwrap_or(Reason::Unjudged);
        if !self.by_root.contains_key(&Root::Guest(guest)) {
            self.open_guest(guest, reason);
        }
        if let Some(watched) = self.guests.get_mut(&guest) {
            watched.file.ladder.given_up = None;
        }
        let until = self.place(guest, rung, 1, 1, reason, Some(by.to_owned()), told);
        let id = self.by_root.get(&Root::Guest(guest));
        let Some(mut draft) = id.and_then(|id| self.incidents.get(id)).cloned() else { return };
        if let Some(watched) = self.guests.get(&guest) {
            draft.tried.clone_from(&watched.file.ladder.tries);
        }
        draft.next = self.under_way(guest, rung, until, reason);
        let words = rung.words();
        draft.text = words::short(format!("{} is repaired by hand of {by}: {words}", guest.vmid));
        draft.commands = words::guest_commands(guest.vmid, &draft.id, false);
        self.put(draft, told);
    }
}
