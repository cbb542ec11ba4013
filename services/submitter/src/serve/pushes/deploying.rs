//! Deploys the tip of the branch for the pushes that wait.

use std::convert::Infallible;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use phoenix_bus::{Approval, Became, BusError, CommitState, Deployed, FleetNote, ToldPush};
use phoenix_domain::chain;

use super::asking::{Ended, Outcome};
use super::consent::is_approved;
use super::git::GitError;
use super::judge::{Place, Verdict, judge};
use super::{Pushes, notes};
use crate::approvals::short;
use crate::deliveries;
use crate::serve::again::{Trouble, wait};
use crate::session;
use crate::words;

/// How long no other push may come, so that many in a row are one.
const SETTLED: TimeDelta = TimeDelta::seconds(2);
/// How long they may come in a row.
const RESTLESS: TimeDelta = TimeDelta::seconds(20);

/// Folders beside the configuration that workers read, each on its own host.
const UNREAD: [&str; 2] = ["tests", "apparmor"];

/// Why a round came to no end; it is gone again.
pub(super) enum Broken {
    Git(GitError),
    Bus(BusError),
}

/// What the tip of the branch is deployed for.
pub(super) struct Round {
    /// The tip.
    pub(super) tip: String,
    /// The pushes that led to it, the newest last.
    pub(super) pushes: Vec<ToldPush>,
    /// What there is to say of the branch itself.
    pub(super) more: Vec<String>,
    /// What was deployed before.
    pub(super) last: Option<Deployed>,
    /// What people were asked before it, and have said.
    pub(super) approval: Option<Approval>,
}

impl Pushes {
    pub(super) async fn deploying(&self) -> Infallible {
        let mut trouble = Trouble::none();
        loop {
            match Box::pin(self.round()).await {
                Ok(most) => {
                    trouble = Trouble::none();
                    wait(&self.wanted, most).await;
                }
                Err(err) => {
                    let (who, why) = (self.who(), err.to_string());
                    tokio::select! {
                        () = trouble.pause(&self.remarks, &who, &why) => {}
                        // Another push may mend it.
                        () = self.wanted.notified() => {}
                    }
                }
            }
        }
    }

    /// Does what is to be done now, and returns after how long there is something at the latest.
    async fn round(&self) -> Result<Option<Duration>, Broken> {
        let (note, now) = (self.noted().await?, session::now());
        let (Some(first), Some(newest)) = (note.told.first(), note.told.last()) else {
            return Ok(None);
        };
        let rest = (newest.at + SETTLED).min(first.at + RESTLESS) - now;
        // The clock of who took it may be ahead.
        if let Ok(rest) = rest.min(SETTLED).to_std()
            && !rest.is_zero()
        {
            return Ok(Some(rest));
        }
        if let Some(most) = self.hear_people(&note).await? {
            return Ok(Some(most));
        }
        let opens = self.fleet.window.as_ref().map_or(now, |window| window.opens(now));
        // People are asked beforehand, and about what can be deployed.
        if opens > now && !self.fleet.approval {
            return Ok(Some(self.wait_for(&note, newest, opens).await?));
        }
        self.git.fetch().await?;
        let tip = self.git.tip().await?.as_str().to_owned();
        let pushes = self.judged(&note, &tip).await?;
        if pushes.is_empty() {
            self.note(|note| {
                note.seen = Some(tip.clone());
                note.approval = None;
            })
            .await?;
            return Ok(Some(Duration::ZERO));
        }
        if opens > now && is_approved(&note, &tip) {
            return Ok(Some(self.wait_for(&note, newest, opens).await?));
        }
        self.note(|note| {
            note.opens = None;
            notes::show(note, &tip, CommitState::Pending, "its files are read", None, now);
        })
        .await?;
        self.shown.notify_one();
        let unread = match &note.deployed {
            Some(last) => self.unread(&last.commit, &tip).await,
            None => None,
        };
        let moved = match &note.deployed {
            Some(last) if !self.git.is_within(&last.commit, &tip).await? => {
                let (branch, last) = (&self.fleet.branch, short(&last.commit));
                Some(format!("{branch} was moved back or away: {last} is not in it any more"))
            }
            Some(_) | None => None,
        };
        let more = moved.into_iter().chain(unread).collect();
        let (last, approval) = (note.deployed, note.approval);
        let round = Round { tip, pushes, more, last, approval };
        match self.deploy(&round).await? {
            Ended::Done(outcome) => self.close(&round, outcome).await?,
            Ended::Asks(approval) => self.ask_people(&round, &approval).await?,
        }
        Ok(Some(Duration::ZERO))
    }

    /// Says which files have changed that are no part of a spec, so that nobody waits for them.
    async fn unread(&self, from: &str, to: &str) -> Option<String> {
        let folder = &self.fleet.folder;
        let below = |name: &&str| {
            if folder.is_empty() { (*name).into() } else { format!("{folder}/{name}") }
        };
        let folders: Vec<String> = UNREAD.iter().map(below).collect();
        // Where that cannot be told there is nothing to say.
        let changed = self.git.changed(from, to, &folders).await.ok()?;
        let named = words::shortened(&words::line(&changed.join(" ")), 60);
        (!changed.is_empty())
            .then(|| format!("{named}: workers have their own, and are brought no other"))
    }

    /// Says until when it waits, once, and returns for how long that is.
    async fn wait_for(
        &self,
        note: &FleetNote,
        newest: &ToldPush,
        opens: DateTime<Utc>,
    ) -> Result<Duration, BusError> {
        let (is_new, now) = (note.opens != Some(opens), session::now());
        let lasts = (opens - now).to_std().unwrap_or_default();
        if !is_new && note.told.iter().all(|told| told.waits) {
            return Ok(lasts);
        }
        let became = Became::Wanted { until: Some(opens), asks: None };
        for push in note.told.iter().filter(|told| is_new || !told.waits) {
            self.settle(push, &became, note.approval.as_ref()).await?;
        }
        let text = format!("waits until {}", words::time(opens));
        self.note(|note| {
            note.opens = Some(opens);
            for told in note.told.iter_mut().filter(|told| told.at <= newest.at) {
                told.waits = true;
            }
            notes::show(note, &newest.commit, CommitState::Pending, &text, None, now);
            notes::supersede(note, &newest.commit, now);
        })
        .await?;
        self.shown.notify_one();
        self.remark(&format!("{} {text}", short(&newest.commit))).await;
        Ok(lasts)
    }

    /// Returns the pushes for which the tip is deployed, and says what became of the others.
    async fn judged(&self, note: &FleetNote, tip: &str) -> Result<Vec<ToldPush>, Broken> {
        let mut pushes = Vec::new();
        for push in &note.told {
            let is_deployed = match &note.deployed {
                Some(last) => self.git.is_within(&push.commit, &last.commit).await?,
                None => false,
            };
            let is_in_branch = self.git.is_within(&push.commit, tip).await?;
            let place = Place { is_tip: push.commit == tip, is_in_branch, is_deployed };
            let branch = &self.fleet.branch_name;
            let became = match judge(&push.commit, branch, place, note.deployed.as_ref()) {
                Verdict::Deploy => {
                    pushes.push(push.clone());
                    continue;
                }
                Verdict::Nothing(why) => Became::Nothing { why },
                Verdict::Refused(why) => Became::Refused { why },
            };
            self.remark(&told(&push.commit, &became)).await;
            self.settle(push, &became, None).await?;
            self.note(|note| note.told.retain(|told| told.id != push.id)).await?;
        }
        Ok(pushes)
    }

    /// Notes what became of it: first with the deliveries, and then that it is done.
    pub(super) async fn close(&self, round: &Round, outcome: Outcome) -> Result<(), BusError> {
        let Outcome { became, state, text, run, is_deployed } = outcome;
        for push in &round.pushes {
            self.settle(push, &became, round.approval.as_ref()).await?;
        }
        let now = session::now();
        let guest = run.iter().flat_map(|run| run.guests.keys()).next().map(|guest| guest.vmid);
        self.note(|note| {
            let is_dealt_with = |told: &ToldPush| round.pushes.iter().any(|one| one.id == told.id);
            note.told.retain(|told| !is_dealt_with(told));
            note.seen = Some(round.tip.clone());
            note.approval = None;
            if is_deployed {
                let before = round.last.as_ref().map_or(0, |last| last.before + 1);
                note.deployed = Some(Deployed { commit: round.tip.clone(), before });
            }
            notes::show(note, &round.tip, state, &text, guest, now);
            notes::supersede(note, &round.tip, now);
            note.open.retain(|open| run.as_ref().is_none_or(|run| run.run != open.run));
            note.open.extend(run.clone());
        })
        .await?;
        self.begun.notify_one();
        self.shown.notify_one();
        self.remark(&told(&round.tip, &became)).await;
        Ok(())
    }
}

/// Says what became of a commit.
fn told(commit: &str, became: &Became) -> String {
    format!("{}: {}", short(commit), deliveries::became(became))
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Git(err) => write!(f, "{}; {}", chain(err), err.advice()),
            Self::Bus(err) => f.write_str(&chain(err)),
        }
    }
}

impl From<GitError> for Broken {
    fn from(err: GitError) -> Self {
        Self::Git(err)
    }
}

impl From<BusError> for Broken {
    fn from(err: BusError) -> Self {
        Self::Bus(err)
    }
}
