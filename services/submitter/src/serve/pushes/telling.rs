//! Tells the forge how commits stand, until it has heard it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use phoenix_bus::{BusError, CommitStatus};
use phoenix_post::Outcome;

use super::forge::Forge;
use super::judge::short;
use super::{Pushes, notes};
use crate::serve::again::{FIRST, Trouble, wait};
use crate::session;

/// The longest pause, and the one where a human has to change something first.
const SLOW: Duration = Duration::from_mins(10);
/// What nobody heard for so long is of no use any more.
const GIVEN_UP: TimeDelta = TimeDelta::days(1);

/// When a commit's status is told next, and how long the pause after that would be.
type Attempts = BTreeMap<String, (DateTime<Utc>, Duration)>;

impl Pushes {
    pub(super) async fn telling(&self) -> Infallible {
        let Some(forge) = &self.fleet.forge else { return std::future::pending().await };
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
            let next = match phoenix_post::send(&self.client, forge.post(status), now).await {
                Outcome::Taken { .. } => None,
                Outcome::Later { why, after } => Some((why, after.unwrap_or(pause))),
                Outcome::TooLong { why } | Outcome::Refused { why } => Some((why, SLOW)),
            };
            let Some((why, pause)) = next else {
                self.heard(status, attempts).await?;
                continue;
            };
            let commit = short(&status.commit);
            let why = forge.veiled(&why);
            if now - status.since > GIVEN_UP {
                self.remark(&format!("the forge was not told of {commit}: {why}; given up")).await;
                self.heard(status, attempts).await?;
                continue;
            }
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
