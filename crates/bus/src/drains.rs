//! Drains: nodes where nothing is to be begun for now, because somebody is at them. What is asked for meanwhile
//! waits. It stands in a bucket, so that it holds whatever is started anew: the worker, the node, or NATS.

use chrono::{DateTime, Utc};
use phoenix_domain::NodeName;
use serde::{Deserialize, Serialize};

use crate::act::Act;
use crate::connect::Bus;
use crate::error::BusError;
use crate::names::{DRAINS, DRAINS_STREAM};
use crate::reader::{Found, Of, Reader};
use crate::tail::From;

/// Why nothing is begun on a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// Who wants it so.
    pub by: String,
    /// Why.
    pub why: Option<String>,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// Follows whether a node is drained.
pub struct DrainTail {
    reader: Reader,
}

impl DrainTail {
    /// Returns the next change of it. It never ends, and may be dropped at any point.
    pub async fn next(&mut self) -> Option<Drain> {
        loop {
            // Where the bucket was lost or went back, whoever stands still goes on standing still until it is told.
            if let Found::Message(message, _) = self.reader.next().await {
                return serde_json::from_slice(&message.payload).ok();
            }
        }
    }
}

impl Bus {
    /// Drains a node. Of several who do so the first counts: what stands then is returned.
    pub async fn drain(&self, host: &NodeName, drain: &Drain) -> Result<Drain, BusError> {
        let mut stands = drain.clone();
        let change = |there: Option<Drain>| {
            let is_fresh = there.is_none();
            stands = there.unwrap_or_else(|| drain.clone());
            is_fresh.then(|| drain.clone())
        };
        self.change_kept(Act::Drain, DRAINS, &self.cell.host(host), change).await?;
        Ok(stands)
    }

    /// Has things begun on a node again. Returns why they were not, where that was so.
    pub async fn end_drain(&self, host: &NodeName) -> Result<Option<Drain>, BusError> {
        let before = self.drain_of(host).await?;
        if before.is_some() {
            self.forget_kept(Act::Drain, DRAINS, &self.cell.host(host)).await?;
        }
        Ok(before)
    }

    /// Says why nothing is begun on a node, where that is so.
    pub async fn drain_of(&self, host: &NodeName) -> Result<Option<Drain>, BusError> {
        self.kept(Act::ReadDrains, DRAINS, &self.cell.host(host)).await
    }

    /// Returns all nodes of the cell that are drained.
    pub async fn drains(&self) -> Result<Vec<(NodeName, Drain)>, BusError> {
        let kept = self.all_kept(Act::ReadDrains, DRAINS, &self.cell.host("")).await?;
        Ok(kept.into_iter().filter_map(|(host, drain)| Some((host.parse().ok()?, drain))).collect())
    }

    /// Follows whether a node is drained, from how it is now.
    pub async fn tail_drain(&self, host: &NodeName) -> Result<DrainTail, BusError> {
        let of = Of {
            stream: DRAINS_STREAM,
            subject: format!("$KV.{DRAINS}.{}", self.cell.host(host)),
            act: Act::ReadDrains,
            doing: "following whether the node is drained",
        };
        Ok(DrainTail { reader: Reader::begin(self, of, From::LastOfEach).await? })
    }
}
