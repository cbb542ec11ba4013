//! What is done with guests in one run, as it is noted until it is asked for.

use std::collections::BTreeMap;

use phoenix_domain::{RunId, Vmid};
use serde::{Deserialize, Serialize};

/// What is done with guests in one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errand {
    /// The run it makes.
    pub run: RunId,
    /// Who asks.
    pub by: String,
    /// What is done with each guest.
    pub actions: BTreeMap<Vmid, String>,
    /// How guests go back that fail, as it is written.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub safely: BTreeMap<Vmid, serde_json::Value>,
    /// The trace it was asked for in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}
