//! Repairs that are ordered, what becomes of them, and what keeps all of them back.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::guards::Flight;
use super::super::{
    Breaker, Effect, Ground, Next, Order, Outcome, Reason, Root, Rung, Severity, Told, Try,
};
use super::{PieceKey, Watch, words};
use crate::GuestKey;

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
        file.repairs.retain(|(at, _)| now - *at < TimeDelta::hours(24));
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

    pub(super) fn open_breaker(&mut self, by: Option<String>, why: String, told: &mut Vec<Told>) {
        if self.guards.breaker.is_some() {
            return;
        }
        let mut draft = words::blank(Root::Breaker, Reason::Unjudged, self.now);
        draft.severity = if by.is_some() { Severity::Notice } else { Severity::Page };
        draft.text = words::short(format!("the breaker is open, nothing is repaired: {why}"));
        draft.next = Next::None { why: "only a human closes the breaker".to_owned() };
        draft.commands = words::common_commands(&draft.id);
        draft.commands.push(words::close_breaker(&draft.id));
        self.put(draft, told);
        self.guards.breaker = Some(Breaker { at: self.now, by, why });
        self.changed.insert(PieceKey::Guards);
        self.attend_all(told);
    }

    pub(super) fn close_breaker(&mut self, why: &str, told: &mut Vec<Told>) {
        if self.guards.breaker.take().is_none() {
            return;
        }
        self.guards.helpless.clear();
        self.forget_falls();
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
}
