//! Hosts: what they have, and when their worker was last heard. Nothing decides by it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use phoenix_domain::health::Facts;
use phoenix_domain::{NodeName, Waits};
use serde::{Deserialize, Serialize};

use crate::act::Act;
use crate::connect::Bus;
use crate::drains::Drain;
use crate::error::{BusError, Failing as _};
use crate::names::HOSTS;

/// After so many seconds without a word a worker counts as silent.
pub const SILENT_AFTER: i64 = 45;

/// What a worker says about itself and its host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostReport {
    /// The host.
    pub host: NodeName,
    /// The worker's process.
    pub instance: String,
    /// Its version.
    pub version: String,
    /// When it started.
    pub started: DateTime<Utc>,
    /// When it said this.
    pub heard: DateTime<Utc>,
    /// Whether it takes work, or has said that it ends.
    pub is_leaving: bool,
    /// How many guests it works on.
    pub busy: usize,
    /// What the host has.
    pub inventory: serde_json::Value,
    /// What of the host is not as it should be. A worker that does not look says nothing.
    #[serde(default)]
    pub facts: Facts,
    /// Why it begins nothing, where that is so.
    #[serde(default)]
    pub drained: Option<Drain>,
    /// How long it has waited for locks since it started, by what they are of: `guest`, `gpu`. A worker of
    /// another version may know others, or tell of none.
    #[serde(default)]
    pub waits: BTreeMap<Box<str>, Waits>,
}

impl HostReport {
    /// Says whether a worker is there that would take work.
    pub fn is_alive(&self, now: DateTime<Utc>) -> bool {
        !self.is_leaving && (now - self.heard).num_seconds() < SILENT_AFTER
    }
}

impl Bus {
    /// Says what there is to say about a host.
    pub async fn report(&self, report: &HostReport) -> Result<(), BusError> {
        self.allowed(Act::ReportHost, self.write_report(report)).await
    }

    async fn write_report(&self, report: &HostReport) -> Result<(), BusError> {
        let hosts = self.bucket(HOSTS, "reporting the host").await?;
        let report_text = serde_json::to_vec(report)?;
        let key = self.cell.host(&report.host);
        hosts.put(key, report_text.into()).await.failing("reporting the host")?;
        Ok(())
    }

    /// Returns what was last said about each host of the cell.
    pub async fn hosts(&self) -> Result<Vec<HostReport>, BusError> {
        self.reading(Act::ReadHosts, || self.read_hosts()).await
    }

    async fn read_hosts(&self) -> Result<Vec<HostReport>, BusError> {
        let notes = self.notes(HOSTS, &self.cell.host(""), "asking for hosts").await?;
        // A report of another version is as good as none: nothing decides by it.
        let reports = notes.iter().filter_map(|note| serde_json::from_slice(&note.text).ok());
        let mut reports: Vec<HostReport> = reports.collect();
        reports.sort_by(|a, b| a.host.cmp(&b.host));
        Ok(reports)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_a_worker_that_does_not_look_at_its_host_says_nothing_is_broken() {
        let text = r#"{ "host": "pve1", "instance": "i", "version": "0.1.0",
            "started": "2026-11-22T10:00:00Z", "heard": "2026-11-22T11:00:00Z",
            "is_leaving": false, "busy": 0, "inventory": null }"#;

        let report: HostReport = serde_json::from_str(text).unwrap();

        assert_eq!(report.facts, Facts::default());
        assert!(report.waits.is_empty());
    }
}
