//! What a human is asked before something is done. It stands in the note of what waits for it, so that the
//! two are never of different opinions.

use chrono::{DateTime, Utc};
use phoenix_domain::RunId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::act::Act;
use crate::connect::Bus;
use crate::error::BusError;
use crate::names::PUSHES;

/// What a human is asked before something is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The run it makes.
    pub run: RunId,
    /// What it is about: something newer that is about the same takes its place.
    pub about: String,
    /// The commit it is for, and no other.
    pub commit: String,
    /// What is asked, in words.
    pub question: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What somebody said; absent as long as nobody has.
    #[serde(default)]
    pub decision: Option<Decision>,
}

/// What somebody said when they were asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Whether it is done.
    pub yes: bool,
    /// Who said so.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// A note of something that may wait for a human, whatever else is in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Waiting {
    #[serde(default)]
    approval: Option<Approval>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Approval {
    /// Returns who has agreed.
    pub fn approved_by(&self) -> Option<&str> {
        self.decision.as_ref().filter(|decision| decision.yes).map(|decision| decision.by.as_str())
    }
}

impl Bus {
    /// Returns what a human is asked now, the oldest first.
    pub async fn approvals(&self) -> Result<Vec<Approval>, BusError> {
        let notes =
            self.all_kept::<Waiting>(Act::ReadApprovals, PUSHES, &self.cell.pushes()).await?;
        let asked = notes.into_iter().filter_map(|(_, note)| note.approval);
        let mut open: Vec<_> = asked.filter(|one| one.decision.is_none()).collect();
        open.sort_by(|a, b| (a.since, &a.run).cmp(&(b.since, &b.run)));
        Ok(open)
    }

    /// Decides what waits to make this run, where `asked` is what is asked, or absent. Of several who do so
    /// the first counts: what stands there then is returned, or nothing where nothing waits.
    pub async fn decide(
        &self,
        run: &RunId,
        asked: Option<&str>,
        decision: &Decision,
    ) -> Result<Option<Approval>, BusError> {
        let prefix = self.cell.pushes();
        let is_it = |note: &Waiting| note.approval.as_ref().is_some_and(|one| one.run == *run);
        let notes = self.all_kept::<Waiting>(Act::Decide, PUSHES, &prefix).await?;
        let Some((rest, _)) = notes.into_iter().find(|(_, note)| is_it(note)) else {
            return Ok(None);
        };
        let mut stands = None;
        let change = |there: Option<Waiting>| {
            let mut note = there.filter(|note| is_it(note));
            let approval = note.as_mut().and_then(|note| note.approval.as_mut());
            let is_open = approval.as_ref().is_some_and(|one| {
                one.decision.is_none() && asked.is_none_or(|asked| asked == one.question)
            });
            let approval = approval.map(|one| {
                if is_open {
                    one.decision = Some(decision.clone());
                }
                one.clone()
            });
            stands = approval;
            note.filter(|_| is_open)
        };
        self.change_kept(Act::Decide, PUSHES, &format!("{prefix}{rest}"), change).await?;
        Ok(stands)
    }
}
