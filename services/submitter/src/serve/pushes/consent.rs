//! Asks people before a commit is deployed, and hears what they say.

use std::time::Duration;

use phoenix_bus::{Approval, Became, BusError, CommitState, FleetNote, ToldPush};
use phoenix_domain::{RunId, Vmid};

use super::asking::refused;
use super::deploying::Round;
use super::{Pushes, notes};
use crate::approvals::{self, short};
use crate::serve::again::ANSWERED;
use crate::session;
use crate::words;

/// How much is shown of the first line of a commit, and of the numbers of guests.
const SHOWN: usize = 60;

impl Pushes {
    /// Hears what people say who are asked. Returns after how long it is looked again, where there is
    /// nothing to do until then.
    pub(super) async fn hear_people(&self, note: &FleetNote) -> Result<Option<Duration>, BusError> {
        let asked = note.approval.as_ref().filter(|_| self.fleet.approval);
        let Some(approval) = asked else { return Ok(None) };
        match &approval.decision {
            Some(decision) if !decision.yes => {
                let round = Round {
                    tip: approval.commit.clone(),
                    pushes: note.told.iter().filter(|told| told.waits).cloned().collect(),
                    more: Vec::new(),
                    last: note.deployed.clone(),
                    approval: note.approval.clone(),
                };
                self.close(&round, refused(&approvals::refused(decision))).await?;
                Ok(Some(Duration::ZERO))
            }
            None if note.told.iter().all(|told| told.waits) => Ok(Some(ANSWERED)),
            // Something newer may take its place.
            Some(_) | None => Ok(None),
        }
    }

    /// Returns what people are asked before the tip is deployed.
    pub(super) async fn question(&self, round: &Round, run: RunId, changed: &[Vmid]) -> Approval {
        // Where it cannot be told, there is the commit.
        let subject = self.git.subject(&round.tip).await.unwrap_or_default();
        let subject = words::shortened(&words::line(&subject), SHOWN);
        let by = round.pushes.last().map_or("somebody", |push| push.by.as_str());
        let named: Vec<_> = changed.iter().map(ToString::to_string).collect();
        let named = words::shortened(&named.join(" "), SHOWN);
        let (commit, repository) = (short(&round.tip), &self.fleet.repository);
        let count = words::count(changed.len(), "guest", "guests");
        let question = format!(
            "deploy {commit} ({subject}) of {repository}, pushed by {by}? it changes {count}: {named}"
        );
        let question = [&[question], &round.more[..]].concat().join("; ");
        let (about, commit) = (self.about.clone(), round.tip.clone());
        Approval { run, about, commit, question, since: session::now(), decision: None }
    }

    /// Asks people, in place of what they were asked about an older commit.
    pub(super) async fn ask_people(
        &self,
        round: &Round,
        approval: &Approval,
    ) -> Result<(), BusError> {
        let (asking, older) = apart(&round.pushes, &round.tip);
        for push in &older {
            let why = approvals::overtaken(&push.commit, &round.tip);
            self.settle(push, &Became::Refused { why }, None).await?;
        }
        let became = Became::Wanted { until: None, asks: Some(approval.run.clone()) };
        for push in &asking {
            self.settle(push, &became, None).await?;
        }
        let now = session::now();
        self.note(|note| {
            let is = |all: &[&ToldPush], told: &ToldPush| all.iter().any(|one| one.id == told.id);
            note.told.retain(|told| !is(&older, told));
            for told in note.told.iter_mut().filter(|told| is(&asking, told)) {
                told.waits = true;
            }
            note.opens = None;
            // What somebody has said meanwhile stays said.
            note.approval = note.approval.take().filter(|there| there.run == approval.run);
            note.approval.get_or_insert_with(|| approval.clone());
            let text = "waits for a human";
            notes::show(note, &round.tip, CommitState::Pending, text, None, now);
            notes::supersede(note, &round.tip, now);
        })
        .await?;
        self.shown.notify_one();
        let waits = approvals::waits(&approval.run);
        self.remark(&format!("{}: {waits}: {}", short(&round.tip), approval.question)).await;
        Ok(())
    }
}

impl Round {
    /// Returns what somebody has agreed to, where that is this run.
    pub(super) fn approved(&self, run: &RunId) -> Option<&Approval> {
        let approval = self.approval.as_ref().filter(|approval| approval.run == *run);
        approval.filter(|approval| approval.approved_by().is_some())
    }
}

/// Says whether somebody has agreed to this commit.
pub(super) fn is_approved(note: &FleetNote, commit: &str) -> bool {
    let approval = note.approval.as_ref().filter(|approval| approval.commit == commit);
    approval.is_some_and(|approval| approval.approved_by().is_some())
}

/// Returns the pushes that people are asked about, and those that are older. Where the delivery of the tip
/// itself was lost, the newest stands for it.
fn apart<'p>(pushes: &'p [ToldPush], tip: &str) -> (Vec<&'p ToldPush>, Vec<&'p ToldPush>) {
    let newest = pushes.last().map(|push| push.id.as_str());
    let has_tip = pushes.iter().any(|push| push.commit == tip);
    let is_asked =
        |push: &&ToldPush| push.commit == tip || !has_tip && newest == Some(push.id.as_str());
    pushes.iter().partition(is_asked)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn push(id: &str, commit: &str) -> ToldPush {
        let (commit, by) = (commit.to_owned(), "ann".to_owned());
        ToldPush {
            id: id.to_owned(),
            at: DateTime::UNIX_EPOCH,
            commit,
            by,
            waits: true,
            traceparent: None,
        }
    }

    fn named(pushes: &[&ToldPush]) -> String {
        pushes.iter().map(|push| push.id.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn people_are_asked_about_the_tip_and_what_is_older_is_not() {
        let pushes = [push("1", "a"), push("2", "b"), push("3", "c"), push("4", "b")];

        let (asking, older) = apart(&pushes, "b");
        assert_eq!((named(&asking), named(&older)), ("2 4".to_owned(), "1 3".to_owned()));

        let (asking, older) = apart(&pushes, "nobody told of it");
        assert_eq!((named(&asking), named(&older)), ("4".to_owned(), "1 2 3".to_owned()));
    }
}
