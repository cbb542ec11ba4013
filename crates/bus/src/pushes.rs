//! What is wanted because of pushes: it stands here before a sender is told that it is accepted, and goes
//! when it was asked for.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use phoenix_domain::{GuestKey, RunId, SourceName, Vmid};
use serde::{Deserialize, Serialize};

use crate::act::Act;
use crate::approvals::Approval;
use crate::connect::Bus;
use crate::errand::Errand;
use crate::error::BusError;
use crate::names::PUSHES;

/// What is known of a repository that holds the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetNote {
    /// Which repository, branch and folder it is about. What is known of another one is of no use.
    pub about: String,
    /// The pushes that are not dealt with yet, the oldest first.
    #[serde(default)]
    pub told: Vec<Told>,
    /// When their turn is, where they wait for a window.
    #[serde(default)]
    pub opens: Option<DateTime<Utc>>,
    /// What a human is asked before, and has said.
    #[serde(default)]
    pub approval: Option<Approval>,
    /// The tip of the branch that was dealt with last, whatever came of it.
    #[serde(default)]
    pub seen: Option<String>,
    /// The commit that was deployed last.
    #[serde(default)]
    pub deployed: Option<Deployed>,
    /// The runs of which it is not known yet how they end.
    #[serde(default)]
    pub open: Vec<OpenRun>,
    /// What the forge is shown, or is to be shown, of commits.
    #[serde(default)]
    pub statuses: Vec<CommitStatus>,
}

/// A push that is not dealt with yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The delivery that told of it.
    pub id: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The commit.
    pub commit: String,
    /// Who pushed it.
    pub by: String,
    /// Whether people were told what it waits for.
    #[serde(default)]
    pub waits: bool,
    /// The trace it was told in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// A commit that was deployed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployed {
    /// Which.
    pub commit: String,
    /// How many there were before it.
    pub before: u64,
}

/// A run of which it is not known yet how it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRun {
    /// Which.
    pub run: RunId,
    /// The commit that made it.
    pub commit: String,
    /// What it is for: guests, with the revision of each that it has asked for.
    pub guests: BTreeMap<GuestKey, u64>,
}

/// What the forge is shown of a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitStatus {
    /// Which commit.
    pub commit: String,
    /// How it stands.
    pub state: CommitState,
    /// The same in words.
    pub text: String,
    /// The guest whose page says more.
    pub guest: Option<Vmid>,
    /// Since when it is to be shown.
    pub since: DateTime<Utc>,
    /// Whether the forge has it.
    #[serde(default)]
    pub is_told: bool,
}

/// How a commit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommitState {
    /// It is being deployed, or waits for that.
    Pending,
    /// It was.
    Success,
    /// It was not.
    Failure,
}

/// What is done when a window opens, or a human has agreed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Later {
    /// What that is.
    pub errand: Errand,
    /// Who sent the delivery.
    pub source: SourceName,
    /// What its sender calls it.
    pub id: String,
    /// When it came.
    pub at: DateTime<Utc>,
    /// The window, as it is written.
    pub window: serde_json::Value,
    /// What a human is asked before, and has said.
    #[serde(default)]
    pub approval: Option<Approval>,
}

impl Bus {
    /// Returns what is known of the fleet of a source.
    pub async fn fleet_note(&self, source: &SourceName) -> Result<Option<FleetNote>, BusError> {
        self.kept(Act::TakeDeliveries, PUSHES, &self.cell.fleet(source)).await
    }

    /// Changes what is known of the fleet of a source, however many do so at once.
    pub async fn change_fleet_note(
        &self,
        source: &SourceName,
        mut change: impl FnMut(Option<FleetNote>) -> FleetNote,
    ) -> Result<(), BusError> {
        let key = self.cell.fleet(source);
        let changed =
            self.change_kept(Act::TakeDeliveries, PUSHES, &key, |there| Some(change(there))).await;
        changed.map(drop)
    }

    /// Has something done later. It is once, however often it is said.
    pub async fn do_later(&self, later: &Later) -> Result<(), BusError> {
        let key = self.cell.later(&later.errand.run);
        let fresh = |there: Option<Later>| there.is_none().then(|| later.clone());
        self.change_kept(Act::TakeDeliveries, PUSHES, &key, fresh).await.map(drop)
    }

    /// Returns all that is to be done later.
    pub async fn laters(&self) -> Result<Vec<Later>, BusError> {
        let kept = self.all_kept(Act::TakeDeliveries, PUSHES, &self.cell.laters()).await?;
        Ok(kept.into_iter().map(|(_, later)| later).collect())
    }

    /// Forgets what was done, or is not to be done any more.
    pub async fn forget_later(&self, run: &RunId) -> Result<(), BusError> {
        self.forget_kept(Act::TakeDeliveries, PUSHES, &self.cell.later(run)).await
    }
}
