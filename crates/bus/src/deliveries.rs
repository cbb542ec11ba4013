//! Webhooks that were accepted, and what became of them, so that a repetition does nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use phoenix_domain::{RunId, SourceName};
use serde::{Deserialize, Serialize};

use crate::act::Act;
use crate::approvals::{Approval, Decision};
use crate::connect::Bus;
use crate::delivery_tail::DeliveryTold;
use crate::errand::Errand;
use crate::error::BusError;
use crate::kept::Guess;
use crate::names::DELIVERIES;

/// A delivery that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// When it came.
    pub at: DateTime<Utc>,
    /// The commit it told of, where it told of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// What became of it: one thing for each that it was about.
    pub became: Vec<Became>,
    /// What people said who were asked, by the run it was about.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub decided: BTreeMap<RunId, Decision>,
    /// What it wants done at once, until that is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errand: Option<Errand>,
}

/// What became of a delivery, or of a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "kebab-case")]
pub enum Became {
    /// It made this run.
    Run {
        /// Which.
        run: RunId,
        /// What for, and what else there is to say.
        said: String,
    },
    /// Nothing had to be done.
    Nothing {
        /// Why not.
        why: String,
    },
    /// It was not done.
    Refused {
        /// Why not.
        why: String,
    },
    /// It makes this run when a window opens, or a human has agreed.
    Waits {
        /// Which.
        run: RunId,
        /// When; once a human has agreed without this.
        until: Option<DateTime<Utc>>,
    },
    /// Its commit is wanted, and has its turn soon, when the window opens or when a human has agreed.
    Wanted {
        /// When the window opens, where it waits for that.
        until: Option<DateTime<Utc>>,
        /// The run that a human is asked about, where it waits for that.
        #[serde(default)]
        asks: Option<RunId>,
    },
}

/// A delivery, by its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Where it stands among all that was noted.
    pub at: u64,
    /// Who sent it.
    pub source: SourceName,
    /// What its sender calls it.
    pub id: String,
    /// What is noted of it.
    pub accepted: Accepted,
}

impl Accepted {
    /// Makes the note of one of which nothing has become yet.
    pub fn fresh(at: DateTime<Utc>, commit: Option<String>) -> Self {
        Self { at, commit, became: Vec::new(), decided: BTreeMap::new(), errand: None }
    }

    /// Notes what people said who were asked.
    pub fn hear(&mut self, approval: Option<&Approval>) {
        let said = approval.and_then(|one| Some((one.run.clone(), one.decision.clone()?)));
        self.decided.extend(said);
    }

    /// Says whether something was made of it, or will be; a repetition then does nothing.
    pub fn is_taken(&self) -> bool {
        let is_made = |became: &Became| match became {
            Became::Run { .. } | Became::Waits { .. } | Became::Wanted { .. } => true,
            Became::Nothing { .. } | Became::Refused { .. } => false,
        };
        self.errand.is_some() || self.became.iter().any(is_made)
    }

    /// Returns the runs that it made.
    pub fn runs(&self) -> impl Iterator<Item = &RunId> {
        let made = self.became.iter().filter_map(|became| match became {
            Became::Run { run, .. } | Became::Waits { run, .. } => Some(run),
            Became::Wanted { asks, .. } => asks.as_ref(),
            Became::Nothing { .. } | Became::Refused { .. } => None,
        });
        self.errand.iter().map(|errand| &errand.run).chain(made)
    }
}

impl Bus {
    /// Returns what became of a delivery that was accepted within the last days.
    pub async fn delivery(
        &self,
        source: &SourceName,
        id: &str,
    ) -> Result<Option<Accepted>, BusError> {
        self.kept(Act::ReadDeliveries, DELIVERIES, &self.cell.delivery(source, id)).await
    }

    /// Notes a delivery that nobody has noted yet. Where one was taken already it stays as it is, and is
    /// returned.
    pub async fn take_delivery(
        &self,
        source: &SourceName,
        id: &str,
        accepted: &Accepted,
    ) -> Result<Option<Accepted>, BusError> {
        let (key, mut taken) = (self.cell.delivery(source, id), None);
        let change = |there: Option<Accepted>| {
            taken = there.filter(Accepted::is_taken);
            taken.is_none().then(|| accepted.clone())
        };
        self.change_kept_from(Guess::Nothing, Act::TakeDeliveries, DELIVERIES, &key, change)
            .await?;
        Ok(taken)
    }

    /// Changes what was noted of a delivery at this place, if it still stands as it did there. Says whether
    /// it does.
    pub async fn settle_delivery(&self, noted: &Noted) -> Result<bool, BusError> {
        let key = self.cell.delivery(&noted.source, &noted.id);
        self.replace_kept(Act::TakeDeliveries, DELIVERIES, &key, &noted.accepted, noted.at).await
    }

    /// Changes what is noted of a delivery, however many do so at once.
    pub async fn note_delivery(
        &self,
        source: &SourceName,
        id: &str,
        mut change: impl FnMut(Option<Accepted>) -> Accepted,
    ) -> Result<(), BusError> {
        let key = self.cell.delivery(source, id);
        let noted = self
            .change_kept(Act::TakeDeliveries, DELIVERIES, &key, |there| Some(change(there)))
            .await;
        noted.map(drop)
    }

    /// Returns the deliveries of the last days, the newest first.
    pub async fn deliveries(&self) -> Result<Vec<Noted>, BusError> {
        let mut tail = match self.tail_deliveries().await {
            Ok(tail) => tail,
            // An older version has made no place for them.
            Err(BusError::NotThere { .. }) => return Ok(Vec::new()),
            Err(err) => return Err(err),
        };
        let mut noted = BTreeMap::new();
        loop {
            match tail.next().await {
                DeliveryTold::Noted(one) => {
                    noted.insert((one.source.clone(), one.id.clone()), *one);
                }
                DeliveryTold::CaughtUp => break,
                DeliveryTold::Rewound => noted.clear(),
            }
        }
        let mut noted: Vec<_> = noted.into_values().collect();
        noted.sort_by(|a, b| (b.accepted.at, &b.id).cmp(&(a.accepted.at, &a.id)));
        Ok(noted)
    }
}
