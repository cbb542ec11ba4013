//! Tells the forge how commits stand, until it has heard it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use phoenix_bus::{BusError, CommitStatus};
use phoenix_post::Outcome;

use super::forge::Forge;
use super::{Pushes, notes};
use crate::approvals::short;
use crate::serve::again::{FIRST, Trouble, wait};
use crate::session;

/// The longest pause, and the one where a human has to change something first.
const SLOW: Duration = Duration::from_mins(10);
/// What nobody heard for so long is of no use any more.
const GIVEN_UP: TimeDelta = TimeDelta::days(1);

/// When a commit's status is told next, and how long the pause after that would be.
type Attempts = BTreeMap<String, (DateTime<Utc>, Duration)>;

/// What follows from an attempt.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// The forge has it.
    Heard,
    /// Nobody needs it any more.
    GivenUp { why: String },
    /// It is tried again.
    Again { why: String, pause: Duration },
}

impl Pushes {
    pub(super) async fn telling(&self) -> Infallible {
        let Some(forge) = &self.forge else { return std::future::pending().await };
        let (mut attempts, mut trouble) = (Attempts::new(), Trouble::none());
        loop {
            match self.tell_all(forge, &mut attempts).await {
                Ok(()) => {
                    trouble = Trouble::none();
                    let next = attempts.values().map(|(at, _)| *at).min();
                    let most = next.map(|at| (at - session::now()).to_std().unwrap_or_default());
                    wait(&self.shown, most).await;
                }
                Err(err) => {
                    trouble.pause(&self.remarks, &self.who(), &phoenix_domain::chain(&err)).await;
                }
            }
        }
    }

    /// Tells what is due, the oldest first.
    async fn tell_all(&self, forge: &Forge, attempts: &mut Attempts) -> Result<(), BusError> {
        let note = self.noted().await?;
        attempts.retain(|commit, _| note.statuses.iter().any(|one| one.commit == *commit));
        for status in note.statuses.iter().filter(|status| !status.is_told) {
            let now = session::now();
            let (at, pause) = attempts.get(&status.commit).copied().unwrap_or((now, FIRST));
            if at > now {
                continue;
            }
            let outcome = phoenix_post::send(&self.client, forge.post(status), now).await;
            let commit = short(&status.commit);
            let (why, pause) = match next(outcome, now - status.since, pause) {
                Next::Heard => {
                    self.heard(status, attempts).await?;
                    continue;
                }
                Next::GivenUp { why } => {
                    let why = forge.veiled(&why);
                    self.remark(&format!("the forge was not told of {commit}: {why}; given up"))
                        .await;
                    self.heard(status, attempts).await?;
                    continue;
                }
                Next::Again { why, pause } => (forge.veiled(&why), pause),
            };
            if !attempts.contains_key(&status.commit) {
                self.remark(&format!("the forge cannot be told of {commit}: {why}")).await;
            }
            let later = TimeDelta::from_std(pause).unwrap_or(TimeDelta::days(1));
            attempts.insert(status.commit.clone(), (now + later, (pause * 2).min(SLOW)));
        }
        Ok(())
    }

    async fn heard(&self, status: &CommitStatus, attempts: &mut Attempts) -> Result<(), BusError> {
        attempts.remove(&status.commit);
        self.note(|note| notes::told(note, status)).await
    }
}

/// Says what follows from an attempt to tell what was to be told for so long.
fn next(outcome: Outcome, waited: TimeDelta, pause: Duration) -> Next {
    let (why, pause) = match outcome {
        Outcome::Taken { .. } => return Next::Heard,
        Outcome::Later { why, after } => (why, after.unwrap_or(pause)),
        Outcome::TooLong { why } | Outcome::Refused { why } => (why, SLOW),
    };
    if waited > GIVEN_UP { Next::GivenUp { why } } else { Next::Again { why, pause } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_forge_does_not_take_is_tried_again_for_a_day() {
        let why = || "it answers 502".to_owned();
        let later = |after| Outcome::Later { why: why(), after };
        let hour = Duration::from_hours(1);
        for (outcome, hours, follows) in [
            (Outcome::Taken { came: "201".to_owned() }, 30, Next::Heard),
            (later(None), 1, Next::Again { why: why(), pause: FIRST }),
            (later(Some(hour)), 1, Next::Again { why: why(), pause: hour }),
            (Outcome::Refused { why: why() }, 23, Next::Again { why: why(), pause: SLOW }),
            (Outcome::Refused { why: why() }, 25, Next::GivenUp { why: why() }),
            (later(Some(hour)), 25, Next::GivenUp { why: why() }),
        ] {
            assert_eq!(next(outcome, TimeDelta::hours(hours), FIRST), follows);
        }
    }
}
