//! What follows from what a guest is found to be. Nothing is changed here.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};

use super::super::ladder::Step;
use super::super::lot::Lot;
use super::super::rung::course;
use super::super::{Condition, Course, Duty, Effect, Ground, Hold, Mode, Reason, Root, Rung};
use super::{Watch, Watched};

/// What follows from what a guest is found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Weighed {
    /// Nobody expects anything of it.
    Rest,
    /// It has served since then.
    Well(DateTime<Utc>),
    /// It is on its way up, and has time until then.
    Coming { end: usize, until: DateTime<Utc> },
    /// Nothing is known, and until then that is nobody's business.
    Dim { end: usize, condition: Condition, until: DateTime<Utc> },
    /// It is not well.
    Ill(Illness),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Illness {
    /// Which of its probes found it.
    pub(super) end: usize,
    pub(super) condition: Condition,
    pub(super) reason: Reason,
    pub(super) since: DateTime<Utc>,
    pub(super) stance: Stance,
}

impl Illness {
    /// Says whether a repair may help.
    pub(super) fn is_repairable(&self) -> bool {
        let is_work = course(self.reason, false).is_some_and(|course| course.start != Rung::Human);
        is_work && is_repairable(self.condition)
    }
}

/// What is to be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stance {
    /// Nothing, and nobody is told more than is told already.
    Silent(Hold),
    /// Nothing; people may want to know.
    Notify,
    /// Nothing that we could do, for the time being.
    Ask(Hold),
    /// Nothing that we could do, and that is final.
    GiveUp(String),
    /// Nothing more: it was repaired as often as it may be.
    Spent(String),
    /// It is being repaired.
    UnderRepair { rung: Rung, until: DateTime<Utc> },
    /// This is to be done, and something is in the way, until then where that is known.
    Wait { rung: Rung, attempt: u32, of: u32, hold: Hold, until: Option<DateTime<Utc>> },
    /// This is to be done now.
    Go { rung: Rung, attempt: u32, of: u32 },
}

impl Watch {
    pub(super) fn weigh(&self, watched: &Watched) -> Weighed {
        if watched.patient.duty == Duty::Rests || watched.ends.is_empty() {
            return Weighed::Rest;
        }
        let worst = watched.ends.iter().enumerate().map(|(index, end)| {
            let (condition, since) = (end.judge.condition(), end.judge.since());
            // Of several that are as bad, the one is named that tells most.
            (rank(condition), condition.detail(), Reverse(since), Reverse(index), condition)
        });
        let Some((.., Reverse(since), Reverse(end), condition)) = worst.max() else {
            return Weighed::Rest;
        };
        match condition {
            Condition::Healthy => Weighed::Well(since_all(watched)),
            Condition::Starting => {
                let until = watched.ends.iter().filter_map(|end| end.judge.start_until(&end.probe));
                Weighed::Coming { end, until: until.max().unwrap_or(self.now) }
            }
            Condition::Unknown(_) if self.now < self.blind_until(watched, since) => {
                Weighed::Dim { end, condition, until: self.blind_until(watched, since) }
            }
            Condition::Degraded(reason)
            | Condition::Failed(reason)
            | Condition::Unknown(reason) => {
                let stance = self.stance(watched, end, condition, reason, since);
                Weighed::Ill(Illness { end, condition, reason, since, stance })
            }
        }
    }

    fn stance(
        &self,
        watched: &Watched,
        end: usize,
        condition: Condition,
        reason: Reason,
        since: DateTime<Utc>,
    ) -> Stance {
        let guest = watched.patient.guest;
        if let Some(flight) = self.guards.flight(guest) {
            return Stance::UnderRepair { rung: flight.order.rung, until: flight.until };
        }
        if let Some(hold) = self.silence(watched, since) {
            return Stance::Silent(hold);
        }
        let hung_before = self.guards.hung_before(&watched.patient, since);
        let Some(course) = course(reason, hung_before) else {
            return match condition {
                Condition::Unknown(_) if self.now - since < self.limits.blind => {
                    let minutes = self.limits.patience.num_minutes();
                    Stance::GiveUp(format!(
                        "it is not known how it is, and has not been well for {minutes} minutes"
                    ))
                }
                Condition::Unknown(_) => {
                    let minutes = (self.now - since).num_minutes();
                    Stance::GiveUp(format!("nothing has been known of it for {minutes} minutes"))
                }
                Condition::Failed(_) => Stance::GiveUp("no repair helps against that".to_owned()),
                Condition::Starting | Condition::Healthy | Condition::Degraded(_) => Stance::Notify,
            };
        };
        if course.start == Rung::Human {
            return Stance::GiveUp(format!("{reason} is nothing a repair mends"));
        }
        if !is_repairable(condition) {
            return Stance::Notify;
        }
        if let Some(why) = &watched.file.ladder.given_up {
            return Stance::GiveUp(why.clone());
        }
        if watched.patient.duty == Duty::AtWork {
            return Stance::Ask(Hold::AtWork);
        }
        if let Some((ground, _)) = &watched.file.shade {
            return Stance::Ask(Hold::Shaded(ground.clone()));
        }
        let mode = self.guards.mode(&watched.patient);
        if mode != Mode::On {
            return Stance::Ask(Hold::Mode(mode));
        }
        if self.guards.breaker.is_some() {
            return Stance::Ask(Hold::Breaker);
        }
        self.climb(watched, end, reason, since, course)
    }

    /// Returns what makes it nobody's business for now.
    pub(super) fn silence(&self, watched: &Watched, since: DateTime<Utc>) -> Option<Hold> {
        let patient = &watched.patient;
        if self.guards.mode(patient) == Mode::Off {
            return Some(Hold::Mode(Mode::Off));
        }
        if self.guards.is_maintained(patient, self.now) {
            return Some(Hold::Maintenance);
        }
        if self.guards.sick.is_some() {
            return Some(Hold::Sick);
        }
        // A job that never ends must not hide for ever a failure that is known.
        let is_told = watched.file.incident.is_some();
        let is_long = self.now - since >= self.limits.patience;
        if patient.duty == Duty::AtWork && !(is_told && is_long) {
            return Some(Hold::AtWork);
        }
        if let Some((ground, _)) = &watched.file.shade
            && self.is_told_of(ground, since)
        {
            return Some(Hold::Shaded(ground.clone()));
        }
        if let Some(incident) = &watched.file.under {
            return Some(Hold::Together(incident.clone()));
        }
        let gathering = self.guards.gathering.as_ref();
        if gathering.is_some_and(|gathering| gathering.guests.contains(&patient.guest)) {
            return Some(Hold::Gathering);
        }
        None
    }

    /// Says whether people hear of it by the incident of what it stands on. Another guest may be
    /// silent for reasons of its own.
    fn is_told_of(&self, ground: &Ground, since: DateTime<Utc>) -> bool {
        match ground {
            Ground::Guest(parent) => {
                self.now - since < self.limits.blind
                    || self.by_root.contains_key(&Root::Guest(*parent))
            }
            Ground::Fleet
            | Ground::Host(_)
            | Ground::Bridge(..)
            | Ground::Storage(..)
            | Ground::Gpu(..)
            | Ground::Template(_) => true,
        }
    }

    /// Says which rung is next, and what is in its way.
    fn climb(
        &self,
        watched: &Watched,
        end: usize,
        reason: Reason,
        since: DateTime<Utc>,
        course: Course,
    ) -> Stance {
        let file = &watched.file;
        let incident = file.incident.as_ref();
        let lot = Lot::of_these(&[&watched.patient.guest, &incident.map_or("", |id| id.as_str())]);
        let step = file.ladder.next(reason, course, watched.patient.means, since, lot);
        let (rung, attempt, of, at) = match step {
            Step::Try { rung, attempt, of, at } => (rung, attempt, of, at),
            Step::Exhausted if file.ladder.tries.is_empty() => {
                let why = "it holds data: what would help may do harm";
                return Stance::GiveUp(why.to_owned());
            }
            Step::Exhausted => {
                return Stance::GiveUp("everything that may be tried was tried".to_owned());
            }
        };
        if let Some(why) = self.overspent(watched, rung) {
            return Stance::Spent(why);
        }
        let at = at.max(since + self.limits.settle);
        let wait = |hold, until| Stance::Wait { rung, attempt, of, hold, until };
        if at > self.now {
            return wait(Hold::Pause, Some(at));
        }
        match self.obstacle(watched, end, since) {
            Some((hold, until)) => wait(hold, until),
            None => Stance::Go { rung, attempt, of },
        }
    }

    /// Says whether the last repair was done, and the guest failed again since.
    pub(super) fn was_helpless(watched: &Watched, illness: &Illness) -> bool {
        let last = watched.file.ladder.tries.last();
        illness.condition.is_failed()
            && last.is_some_and(|last| {
                last.result == Effect::Done && last.ended.is_some_and(|at| illness.since > at)
            })
    }
}

/// Says whether a repair may help against what a guest is found to be.
fn is_repairable(condition: Condition) -> bool {
    match condition {
        Condition::Failed(_) => true,
        Condition::Degraded(reason) => {
            matches!(reason, Reason::WrongModel | Reason::GpuLost | Reason::ArtifactMissing)
        }
        Condition::Starting | Condition::Healthy | Condition::Unknown(_) => false,
    }
}

/// Returns how much a condition matters beside those of other probes of the same guest.
fn rank(condition: Condition) -> u8 {
    match condition {
        Condition::Healthy => 0,
        Condition::Starting => 2,
        Condition::Degraded(reason) => {
            if course(reason, false).is_some() {
                4
            } else {
                1
            }
        }
        Condition::Unknown(_) => 3,
        Condition::Failed(reason) => {
            let is_final = course(reason, false).is_none_or(|course| course.start == Rung::Human);
            // What must not be restarted outweighs what a restart would mend.
            if is_final { 6 } else { 5 }
        }
    }
}

fn since_all(watched: &Watched) -> DateTime<Utc> {
    let since = watched.ends.iter().map(|end| end.judge.since());
    since.max().unwrap_or(DateTime::UNIX_EPOCH)
}
