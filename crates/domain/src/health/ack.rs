//! Who has seen an incident. That ends its reminders, and not the incident.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Incident, Next, Severity};

/// How many are kept of one incident: the latest.
const KEPT: usize = 8;

/// Somebody has seen an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ack {
    /// Who.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What they said about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How much the incident asked of people then.
    weight: Weight,
    /// What ended it; absent while it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<AckEnd>,
}

/// What ended an acknowledgement before its incident was over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AckEnd {
    /// When.
    pub at: DateTime<Utc>,
    /// Who took it back; absent where the incident became worse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// How much an incident asks of people. What weighs more than what somebody has seen is seen by nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Weight {
    severity: Severity,
    /// Whether a human was called, and nothing happens by itself any more.
    is_left_to_humans: bool,
}

impl Weight {
    fn of(incident: &Incident) -> Self {
        let severity = incident.severity;
        let is_last = matches!(incident.next, Next::None { .. });
        Self { severity, is_left_to_humans: severity == Severity::Page && is_last }
    }
}

impl Incident {
    /// Returns who has seen it as it is now.
    pub fn acked(&self) -> Option<&Ack> {
        self.acks.last().filter(|ack| ack.ended.is_none())
    }

    /// Says whether it waits for somebody who sees it.
    pub fn is_calling(&self) -> bool {
        self.is_open() && self.severity == Severity::Page && self.acked().is_none()
    }

    /// Says whether it became worse after somebody had seen it, and nobody has since.
    pub fn has_outgrown_its_ack(&self) -> bool {
        let ended = self.acks.last().and_then(|ack| ack.ended.as_ref());
        ended.is_some_and(|end| end.by.is_none())
    }

    pub(super) fn acknowledge(&mut self, by: String, why: Option<String>, at: DateTime<Utc>) {
        if self.acks.len() == KEPT {
            self.acks.remove(0);
        }
        self.acks.push(Ack { by, at, why, weight: Weight::of(self), ended: None });
    }

    /// Takes back that it was seen.
    pub(super) fn take_back(&mut self, by: String, at: DateTime<Utc>) {
        if let Some(ack) = self.acks.last_mut() {
            ack.ended = Some(AckEnd { at, by: Some(by) });
        }
    }

    /// Ends what was said of it before it became worse.
    pub(super) fn outgrow(&mut self, at: DateTime<Utc>) {
        let weight = Weight::of(self);
        let standing = self.acks.last_mut().filter(|ack| ack.ended.is_none());
        if let Some(ack) = standing.filter(|ack| ack.weight < weight) {
            ack.ended = Some(AckEnd { at, by: None });
        }
    }
}
