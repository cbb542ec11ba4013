//! Repairs that are ordered, what becomes of them, and what humans order.

use chrono::{DateTime, Utc};

use super::super::guards::{Flight, Sick};
use super::super::{
    Breaker, Duty, Effect, Ground, Maintenance, Means, Next, Order, Outcome, Reason, Root, Rung,
    SelfCheck, Severity, Told, Try, Word,
};
use super::weigh::{Stance, Weighed};
use super::{PieceKey, Watch, words};
use crate::GuestKey;

/// So many probes have to be made before a share of them means anything.
const MANY_PROBES: u32 = 20;

/// A monitor that was late has to be on time for so long, in seconds.
const ON_TIME: i64 = 10;

impl Watch {
    /// Orders a repair, and returns until when word of it is expected.
    #[expect(clippy::too_many_arguments, reason = "each is a part of one order")]
    pub(super) fn place(
        &mut self,
        guest: GuestKey,
        rung: Rung,
        attempt: u32,
        of: u32,
        reason: Reason,
        by: Option<String>,
        told: &mut Vec<Told>,
    ) -> DateTime<Utc> {
        let (now, until) = (self.now, self.now + rung.patience());
        let incident = self.by_root.get(&Root::Guest(guest)).cloned();
        let (Some(watched), Some(incident)) = (self.guests.get_mut(&guest), incident) else {
            return until;
        };
        let file = &mut watched.file;
        let number = u32::try_from(file.ladder.tries.len()).unwrap_or(u32::MAX).saturating_add(1);
        let order = Order { guest, incident, rung, number };
        let result = Effect::UnderWay;
        file.ladder.tries.push(Try { rung, attempt, of, started: now, ended: None, result });
        file.repairs.retain(|(at, _)| now - *at < chrono::TimeDelta::hours(24));
        file.repairs.push((now, rung));
        file.held = None;
        let (host, gpus) = (watched.patient.host.clone(), watched.patient.gpus.clone());
        self.guards.forget(&self.limits, now);
        self.guards.ordered.push((now, guest));
        self.guards.starts.push((now, host.clone()));
        self.guards.flights.push(Flight { order: order.clone(), host, gpus, until });
        self.changed.extend([PieceKey::Guest(guest), PieceKey::Guards]);
        told.push(Told::Repair { order, reason, attempt, of, by });
        until
    }

    /// Takes in what became of a repair. What is told twice is heard once.
    pub(super) fn hear_outcome(&mut self, order: &Order, outcome: Outcome, told: &mut Vec<Told>) {
        let flights = &mut self.guards.flights;
        let Some(index) = flights.iter().position(|flight| flight.order == *order) else { return };
        flights.swap_remove(index);
        let now = self.now;
        let guest = order.guest;
        self.changed.extend([PieceKey::Guest(guest), PieceKey::Guards]);
        let is_failed = matches!(outcome, Outcome::Failed(_));
        let is_done = outcome == Outcome::Done;
        if let Some(watched) = self.guests.get_mut(&guest)
            && let Some(last) = watched.file.ladder.last()
        {
            last.ended = Some(now);
            last.result = match outcome {
                Outcome::Done => Effect::Done,
                Outcome::Failed(why) => Effect::Failed(why),
                Outcome::Refused(why) => Effect::Refused(why),
            };
        }
        if is_done {
            let is_whole = matches!(order.rung, Rung::Guest | Rung::Recreate);
            self.turn_all(guest, told, |judge| {
                // What else serves in the guest was not touched.
                let is_touched = is_whole || !judge.condition().is_serving();
                if is_touched { judge.restarted(now) } else { None }
            });
        }
        if is_failed {
            self.count_helpless(told);
        }
        self.attend(guest, told);
    }

    /// Counts a repair that did not help; too many say that repairing is no help at all.
    pub(super) fn count_helpless(&mut self, told: &mut Vec<Told>) {
        if self.guards.was_helpless(&self.limits, self.now) {
            let minutes = self.limits.helpless_window.num_minutes();
            let why =
                format!("{} repairs within {minutes} minutes did not help", self.limits.helpless);
            self.open_breaker(None, why, told);
        }
        self.changed.insert(PieceKey::Guards);
    }

    fn open_breaker(&mut self, by: Option<String>, why: String, told: &mut Vec<Told>) {
        if self.guards.breaker.is_some() {
            return;
        }
        let mut draft = words::blank(Root::Breaker, Reason::Unjudged, self.now);
        draft.severity = if by.is_some() { Severity::Notice } else { Severity::Page };
        draft.text = words::short(format!("the breaker is open, nothing is repaired: {why}"));
        draft.next = Next::None { why: "only a human closes the breaker".to_owned() };
        draft.commands = words::ground_commands(&draft.id, false);
        self.put(draft, told);
        self.guards.breaker = Some(Breaker { at: self.now, by, why });
        self.changed.insert(PieceKey::Guards);
        self.attend_all(told);
    }

    fn close_breaker(&mut self, why: &str, told: &mut Vec<Told>) {
        if self.guards.breaker.take().is_none() {
            return;
        }
        self.guards.helpless.clear();
        self.together = super::Together::default();
        self.changed.insert(PieceKey::Guards);
        self.resolve(&Root::Breaker, &format!("closed: {why}"), told);
        // Whoever closes it has seen what failed together, and wants each of it repaired.
        let is_down = |ground: &Ground| self.guards.down.iter().any(|(one, _)| one == ground);
        let over = self.incidents.values().filter_map(|incident| match &incident.root {
            Root::Ground(ground) if !is_down(ground) => {
                Some((incident.id.clone(), incident.guests.clone()))
            }
            Root::Ground(_) | Root::Monitor | Root::Breaker | Root::Guest(_) => None,
        });
        let over: Vec<_> = over.collect();
        for (id, guests) in over {
            for guest in guests {
                self.leave_incident(&id, guest);
            }
        }
        self.pass_grounds(told);
        self.attend_all(told);
    }

    pub(super) fn attend_all(&mut self, told: &mut Vec<Told>) {
        let mut guests: Vec<GuestKey> = self.guests.keys().copied().collect();
        guests.sort_unstable();
        for guest in guests {
            self.attend(guest, told);
        }
    }

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
                let Some(window) = windows.iter_mut().find(|one| one.id == id) else { return };
                window.to = self.now;
                self.pass_windows(told);
            }
            Word::OpenBreaker { by, why } => self.open_breaker(Some(by), why, told),
            Word::CloseBreaker { by, why } => self.close_breaker(&format!("{why} ({by})"), told),
            Word::Mode { guest, mode } => {
                self.guards.set_mode(guest, mode);
                self.changed.insert(PieceKey::Guards);
                self.attend_all(told);
            }
            Word::Ack { incident, by } => {
                let Some(mut draft) = self.incidents.get(&incident).cloned() else { return };
                draft.acked.get_or_insert(by);
                self.put(draft, told);
            }
            Word::Repair { guest, rung, by } => self.repair_by_hand(guest, rung, by, told),
        }
    }

    fn repair_by_hand(
        &mut self,
        guest: GuestKey,
        rung: Option<Rung>,
        by: String,
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
            return decline("a worker is at it");
        }
        let rung = rung.unwrap_or(match self.weigh(watched) {
            Weighed::Ill(illness) => match illness.stance {
                Stance::Go { rung, .. } | Stance::Wait { rung, .. } => rung,
                Stance::Silent(_)
                | Stance::Notify
                | Stance::Ask(_)
                | Stance::GiveUp(_)
                | Stance::UnderRepair { .. } => Rung::Service,
            },
            Weighed::Rest | Weighed::Well(_) | Weighed::Coming(_) | Weighed::Dim(_) => {
                Rung::Service
            }
        });
        if !rung.is_work() {
            return decline("that is nothing a worker can do");
        }
        if rung == Rung::Recreate && patient.means != Means::Expendable {
            return decline("its file does not say that it may be made again");
        }
        let reasons = watched.ends.iter().filter_map(|end| end.judge.condition().reason());
        let reason = reasons.max().unwrap_or(Reason::Unjudged);
        if !self.by_root.contains_key(&Root::Guest(guest)) {
            self.open_guest(guest, reason);
        }
        if let Some(watched) = self.guests.get_mut(&guest) {
            watched.file.ladder.given_up = None;
        }
        let until = self.place(guest, rung, 1, 1, reason, Some(by.clone()), told);
        let id = self.by_root.get(&Root::Guest(guest));
        let Some(mut draft) = id.and_then(|id| self.incidents.get(id)).cloned() else { return };
        if let Some(watched) = self.guests.get(&guest) {
            draft.tried.clone_from(&watched.file.ladder.tries);
        }
        draft.next = Next::UnderWay { rung, until };
        let words = rung.words();
        draft.text = words::short(format!("{} is repaired by hand of {by}: {words}", guest.vmid));
        draft.commands = words::guest_commands(guest.vmid, &draft.id, false);
        self.put(draft, told);
    }

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
                let why = "a human is called, unless it is well".to_owned();
                draft.next = Next::Look { at, why };
                draft.commands = words::ground_commands(&draft.id, true);
                self.put(draft, told);
            }
            (true, false) => {
                self.resolve(&Root::Monitor, "it is on time again", told);
                let now = self.now;
                let mut guests: Vec<GuestKey> = self.guests.keys().copied().collect();
                guests.sort_unstable();
                for guest in guests {
                    self.turn_all(guest, told, |judge| judge.rebase(now));
                    self.attend(guest, told);
                }
            }
            (true, true) | (false, false) => {}
        }
    }
}
