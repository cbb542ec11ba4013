//! What is said and done about one guest, after something about it has changed or its time has come.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::{Condition, Curb, Effect, Hold, Ladder, Next, Root, Rung, Severity, Told};
use super::weigh::{Illness, Stance, Weighed};
use super::{PieceKey, Watch, words};
use crate::GuestKey;

/// What keeps a repair back without saying for how long is looked at again after this.
const AGAIN: TimeDelta = TimeDelta::seconds(10);

/// A guest that should have been read by now is given this much more.
const LATE: TimeDelta = TimeDelta::seconds(90);

/// Whether repairs may be ordered. Only the passing of time orders them, so that all that is heard
/// at the same time is heard before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hands {
    Tied,
    Free,
}

impl Watch {
    pub(super) fn attend(&mut self, guest: GuestKey, told: &mut Vec<Told>) {
        self.attend_with(guest, Hands::Tied, told);
    }

    pub(super) fn attend_with(&mut self, guest: GuestKey, hands: Hands, told: &mut Vec<Told>) {
        let Some(watched) = self.guests.get(&guest) else { return };
        match self.weigh(watched) {
            Weighed::Rest => {
                self.wake(guest, None);
                self.forgive(guest);
                self.resolve(&Root::Guest(guest), "nothing is expected of it any more", told);
            }
            Weighed::Well(since) => self.attend_well(guest, since, told),
            Weighed::Coming { end, until } => {
                let why = "it counts as failed unless it serves by then".to_owned();
                let next = Next::Look { at: until, why, then: self.then(guest) };
                self.attend_waiting(guest, (end, Condition::Starting), next, until + LATE, told);
            }
            Weighed::Dim { end, condition, until } => {
                let is_called = self.draft(guest).is_some_and(|one| one.severity == Severity::Page);
                let why = if is_called {
                    "it is looked at again"
                } else {
                    "a human is called unless more is known of it by then"
                };
                let next = Next::Look { at: until, why: why.to_owned(), then: None };
                self.attend_waiting(guest, (end, condition), next, until, told);
            }
            Weighed::Ill(illness) => self.attend_ill(guest, &illness, hands, told),
        }
    }

    fn attend_well(&mut self, guest: GuestKey, since: DateTime<Utc>, told: &mut Vec<Told>) {
        let root = Root::Guest(guest);
        let Some(watched) = self.guests.get(&guest) else { return };
        if let Some(under) = watched.file.under.clone() {
            self.leave_incident(&under, guest);
        }
        if !self.by_root.contains_key(&root) {
            self.forget_curbs(guest);
            return self.wake(guest, None);
        }
        let Some(watched) = self.guests.get(&guest) else { return };
        let held = since + self.limits.hold;
        let is_read = watched
            .ends
            .iter()
            .all(|end| end.judge.last().is_some_and(|last| self.now - last <= LATE));
        if self.now < held || !is_read {
            let why = "this is over if it serves until then".to_owned();
            let next = Next::Look { at: held, why, then: None };
            let again = if self.now < held { held } else { self.now + AGAIN };
            let end = self.failed_last(guest);
            return self.attend_waiting(guest, (end, Condition::Healthy), next, again, told);
        }
        self.wake(guest, None);
        self.forgive(guest);
        self.resolve(&root, "it has served for long enough", told);
    }

    /// Nothing is done but to wait; whoever was told of it is told that.
    fn attend_waiting(
        &mut self,
        guest: GuestKey,
        (end, condition): (usize, Condition),
        next: Next,
        until: DateTime<Utc>,
        told: &mut Vec<Told>,
    ) {
        let Some(mut draft) = self.draft(guest) else {
            let is_dim = matches!(condition, Condition::Unknown(_));
            return self.wake(guest, is_dim.then_some(until));
        };
        let is_late = until <= self.now && condition == Condition::Starting;
        draft.next = if is_late {
            Next::None { why: "it cannot be read any more".to_owned() }
        } else {
            next
        };
        let Some(watched) = self.guests.get(&guest) else { return };
        let call = self.call_at(watched).filter(|_| !condition.is_serving());
        let is_overdue = call.is_some_and(|call| call <= self.now);
        let is_hushed = self.silence(watched, self.now).is_some();
        if is_late || (is_overdue && !is_hushed) {
            draft.severity = Severity::Page;
        }
        let probe = watched.ends.get(end).map_or("", |end| &end.probe.name);
        draft.text = words::guest(&watched.patient, probe, condition, &draft.next);
        self.put(draft, told);
        let until = until.max(self.now);
        let wake = call.filter(|call| *call > self.now).map_or(until, |call| call.min(until));
        self.wake(guest, (!is_late).then_some(wake));
    }

    fn attend_ill(
        &mut self,
        guest: GuestKey,
        illness: &Illness,
        hands: Hands,
        told: &mut Vec<Told>,
    ) {
        let Some(watched) = self.guests.get(&guest) else { return };
        if Self::was_helpless(watched, illness) {
            self.mark_helpless(guest, told);
            return self.attend_with(guest, hands, told);
        }
        if illness.condition.is_serving()
            && let Some(under) = watched.file.under.clone()
        {
            self.leave_incident(&under, guest);
            return self.attend_with(guest, hands, told);
        }
        let is_told = self.by_root.contains_key(&Root::Guest(guest));
        if !is_told {
            let ripe = match illness.condition {
                Condition::Unknown(_) => self.now,
                Condition::Starting
                | Condition::Healthy
                | Condition::Degraded(_)
                | Condition::Failed(_) => illness.since + self.limits.settle,
            };
            if matches!(illness.stance, Stance::Silent(_)) {
                self.count_curb_of(guest, illness);
                let again = illness.since + self.limits.blind;
                let is_later = again > self.now;
                return self.wake(guest, is_later.then_some(again));
            }
            if ripe > self.now {
                return self.wake(guest, Some(ripe));
            }
            self.open_guest(guest, illness.reason);
        }
        self.act(guest, illness, hands, told);
    }

    fn act(&mut self, guest: GuestKey, illness: &Illness, hands: Hands, told: &mut Vec<Told>) {
        let now = self.now;
        self.count_curb_of(guest, illness);
        let (severity, next, wake) = match &illness.stance {
            Stance::Silent(hold) => {
                self.tell_hold(guest, hold, None, told);
                let again = Some(illness.since + self.limits.patience).filter(|at| *at > now);
                (Severity::Info, Next::None { why: hold.words() }, again)
            }
            Stance::Notify => {
                let why = "it serves, and a restart would not help".to_owned();
                (Severity::Notice, Next::None { why }, None)
            }
            Stance::Ask(hold) => {
                self.tell_hold(guest, hold, None, told);
                (Severity::Page, Next::None { why: hold.words() }, None)
            }
            Stance::GiveUp(why) | Stance::Spent(why) => {
                if illness.condition.is_failed()
                    && let Some(watched) = self.guests.get_mut(&guest)
                {
                    watched.file.ladder.given_up.get_or_insert_with(|| why.clone());
                    self.changed.insert(PieceKey::Guest(guest));
                }
                (Severity::Page, Next::None { why: why.clone() }, None)
            }
            Stance::UnderRepair { rung, until } => {
                (Severity::Warn, self.under_way(guest, *rung, *until, illness.reason), None)
            }
            Stance::Wait { rung, attempt, of, hold: Hold::Pause, until } => {
                let at = until.unwrap_or(now);
                let next = Next::Repair { rung: *rung, attempt: *attempt, of: *of, at };
                (Severity::Warn, next, Some(at))
            }
            Stance::Wait { rung, hold, until, .. } => {
                self.tell_hold(guest, hold, Some(*rung), told);
                // Work that goes on moves the time away with each reading.
                let at = until.filter(|_| *hold != Hold::Progress);
                let next = Next::Held { rung: *rung, why: hold.words(), at };
                (Severity::Warn, next, Some(until.unwrap_or(now + AGAIN)))
            }
            Stance::Go { rung, attempt, of } if hands == Hands::Free => {
                let in_company = self
                    .guests
                    .get(&guest)
                    .is_some_and(|watched| self.is_in_company(watched, illness.since));
                if in_company {
                    self.count_curb(guest, Curb::SharedCause);
                    self.tell_hold(guest, &Hold::Gathering, Some(*rung), told);
                    let why = Hold::Gathering.words();
                    let next = Next::Held { rung: *rung, why, at: None };
                    (Severity::Warn, next, Some(now + AGAIN))
                } else {
                    let until = self.place(guest, *rung, *attempt, *of, illness.reason, None, told);
                    (Severity::Warn, self.under_way(guest, *rung, until, illness.reason), None)
                }
            }
            Stance::Go { rung, attempt, of } => {
                let next = Next::Repair { rung: *rung, attempt: *attempt, of: *of, at: now };
                (Severity::Warn, next, Some(now))
            }
        };
        let Some(mut draft) = self.draft(guest) else { return };
        draft.severity = draft.severity.max(severity);
        let is_known = matches!(illness.stance, Stance::Silent(_));
        let call = self.guests.get(&guest).and_then(|watched| self.call_at(watched));
        let is_overdue = call.is_some_and(|call| call <= now);
        if !is_known && is_overdue && !illness.condition.is_serving() {
            draft.severity = Severity::Page;
        }
        let call = call.filter(|call| *call > now);
        let wake = wake.map(|wake| call.map_or(wake, |call| wake.min(call)));
        draft.reason = illness.reason;
        draft.next = next;
        if let Some(watched) = self.guests.get(&guest) {
            let patient = &watched.patient;
            let probe = watched.ends.get(illness.end).map_or("", |end| &end.probe.name);
            draft.text = words::guest(patient, probe, illness.condition, &draft.next);
        }
        let by_breaker = illness.stance == Stance::Ask(Hold::Breaker);
        draft.commands = words::guest_commands(guest.vmid, &draft.id, by_breaker);
        self.put(draft, told);
        self.wake(guest, wake);
    }

    /// Tells once what keeps a guest from being repaired.
    fn tell_hold(
        &mut self,
        guest: GuestKey,
        hold: &Hold,
        rung: Option<Rung>,
        told: &mut Vec<Told>,
    ) {
        let Some(watched) = self.guests.get_mut(&guest) else { return };
        if watched.file.held.as_ref() == Some(hold) {
            return;
        }
        watched.file.held = Some(hold.clone());
        self.changed.insert(PieceKey::Guest(guest));
        if let Some(incident) = self.by_root.get(&Root::Guest(guest)).cloned() {
            told.push(Told::Held { guest, incident, rung, hold: hold.clone() });
        }
    }

    /// The last repair did not help.
    fn mark_helpless(&mut self, guest: GuestKey, told: &mut Vec<Told>) {
        let Some(watched) = self.guests.get_mut(&guest) else { return };
        if let Some(last) = watched.file.ladder.last() {
            last.result = Effect::Helpless;
        }
        self.changed.insert(PieceKey::Guest(guest));
        self.count_helpless(told);
    }

    /// Forgets what was tried on a guest.
    pub(super) fn forgive(&mut self, guest: GuestKey) {
        let Some(watched) = self.guests.get_mut(&guest) else { return };
        let file = &mut watched.file;
        (file.ladder, file.held, file.under) = (Ladder::default(), None, None);
        file.curbed.clear();
        self.changed.insert(PieceKey::Guest(guest));
    }
}
