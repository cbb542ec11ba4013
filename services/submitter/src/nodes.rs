//! Nodes: what their workers say of them, and which guests live there.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use phoenix_bus::{Drain, HostReport};
use phoenix_domain::{GuestKey, NodeName};
use serde_json::{Value, json};

use crate::error::CommandError;
use crate::site::not_well;
use crate::states::States;
use crate::table::table;
use crate::words;

/// A node.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: NodeName,
    /// What its worker said last; absent where none ever did.
    report: Option<HostReport>,
    /// How many guests live there.
    guests: usize,
    /// Those of them that are to be worked on.
    open: Vec<GuestKey>,
    /// Why nothing is begun there, where that is so.
    drain: Option<Drain>,
}

/// Returns every node that a worker has told of, that a guest lives on or that is drained, in the order of their
/// names.
pub(crate) fn all(
    states: &States,
    hosts: &[HostReport],
    drains: &[(NodeName, Drain)],
) -> Vec<Node> {
    let fresh = |name: &NodeName| Node {
        name: name.clone(),
        report: None,
        guests: 0,
        open: Vec::new(),
        drain: None,
    };
    let mut nodes: BTreeMap<NodeName, Node> = BTreeMap::new();
    for report in hosts {
        let node = nodes.entry(report.host.clone()).or_insert_with(|| fresh(&report.host));
        node.report = Some(report.clone());
    }
    for record in states.records() {
        let host = &record.desired.host;
        let node = nodes.entry(host.clone()).or_insert_with(|| fresh(host));
        if !record.is_complete() || record.desired.goal.leaves_a_guest() {
            node.guests += 1;
        }
        if !record.is_settled() {
            node.open.push(record.guest);
        }
    }
    for (name, drain) in drains {
        nodes.entry(name.clone()).or_insert_with(|| fresh(name)).drain = Some(drain.clone());
    }
    nodes.into_values().collect()
}

/// Returns those of these names.
pub(crate) fn find(nodes: Vec<Node>, names: &[NodeName]) -> Result<Vec<Node>, CommandError> {
    if let Some(unknown) = names.iter().find(|name| nodes.iter().all(|one| one.name != **name)) {
        let there = nodes.into_iter().map(|one| one.name).collect();
        return Err(CommandError::NoSuchNode { asked: unknown.clone(), there });
    }
    Ok(nodes.into_iter().filter(|one| names.contains(&one.name)).collect())
}

/// Says since when a node is drained, by whom, and why.
pub(crate) fn drained(drain: &Drain) -> String {
    let why = drain.why.as_ref().map(|why| format!(": {}", words::line(why))).unwrap_or_default();
    format!("drained since {} by {}{why}", words::time(drain.since), words::line(&drain.by))
}

/// Lists nodes for people.
pub(crate) fn text(nodes: &[Node], now: DateTime<Utc>) -> String {
    let rows: Vec<_> = nodes
        .iter()
        .map(|node| {
            let report = node.report.as_ref();
            let busy = report.filter(|report| report.is_alive(now)).map(|report| report.busy);
            [
                node.name.to_string(),
                node.state(now),
                node.guests.to_string(),
                node.open.len().to_string(),
                busy.map_or_else(|| "-".to_owned(), |busy| busy.to_string()),
                report.map_or_else(|| "-".to_owned(), |report| words::line(&report.version)),
                report.map(|report| words::line(&not_well(&report.facts))).unwrap_or_default(),
            ]
        })
        .collect();
    table(["NODE", "WORKER", "GUESTS", "TO DO", "BUSY", "VERSION", "NOT WELL"], &rows)
}

impl Node {
    /// Says whether somebody works there.
    fn state(&self, now: DateTime<Utc>) -> String {
        match &self.report {
            _ if self.drain.is_some() => "drained".to_owned(),
            None => "never seen".to_owned(),
            Some(report) if report.is_alive(now) => "there".to_owned(),
            Some(report) => {
                let gone = if report.is_leaving { "ended" } else { "silent" };
                format!("{gone} for {}", words::span(now - report.heard))
            }
        }
    }

    /// Says what waits for a worker that is not there, and what to do.
    pub(crate) fn remark(&self, now: DateTime<Utc>) -> Option<String> {
        let is_alive = self.report.as_ref().is_some_and(|report| report.is_alive(now));
        let waiting = words::count(self.open.len(), "guest waits", "guests wait");
        let name = &self.name;
        if let Some(drain) = &self.drain {
            return Some(format!(
                "{name} is {}; {waiting}: `phoenix drain {name} --end` has them worked on",
                drained(drain)
            ));
        }
        if is_alive || self.open.is_empty() {
            return None;
        }
        Some(format!(
            "{waiting} for a worker on {name}: look there with `systemctl status phoenix-worker`"
        ))
    }

    /// Returns it for programs.
    pub(crate) fn json(&self, now: DateTime<Utc>) -> Value {
        let report = self.report.as_ref();
        json!({
            "node": self.name, "isAlive": report.is_some_and(|report| report.is_alive(now)),
            "guests": self.guests, "toDo": self.open,
            "busy": report.map(|report| report.busy),
            "drained": self.drain.as_ref().map(|drain| json!({
                "by": drain.by, "why": drain.why, "since": words::time(drain.since),
            })),
            "version": report.map(|report| &report.version),
            "instance": report.map(|report| &report.instance),
            "started": report.map(|report| words::time(report.started)),
            "heard": report.map(|report| words::time(report.heard)),
            "notWell": report.map(|report| not_well(&report.facts)),
            "inventory": report.map(|report| &report.inventory),
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use phoenix_domain::health::Facts;

    use super::*;
    use crate::asking::tests::site;

    fn report(host: &str, heard: DateTime<Utc>, is_leaving: bool) -> HostReport {
        HostReport {
            host: host.parse().unwrap(),
            instance: "i".to_owned(),
            version: "0.1.0".to_owned(),
            started: heard,
            heard,
            is_leaving,
            busy: 2,
            inventory: Value::Null,
            facts: Facts { broken_bridges: vec!["vmbr0".parse().unwrap()], ..Facts::default() },
            drained: None,
            waits: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn nodes_are_listed_with_whether_somebody_works_there_and_what_waits_for_that() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let states = States::of(site());
        let hosts = [
            report("pve2", now - TimeDelta::seconds(3), false),
            report("pve3", now - TimeDelta::minutes(3), false),
            report("pve4", now - TimeDelta::seconds(3), true),
            report("pve5", now - TimeDelta::seconds(3), false),
        ];
        let why = Some("new memory".to_owned());
        let drain = Drain { by: "ann".to_owned(), why, since: now - TimeDelta::minutes(2) };
        let drains = [("pve5".parse().unwrap(), drain)];

        let nodes = all(&states, &hosts, &drains);

        let remarks: Vec<_> = nodes.iter().filter_map(|node| node.remark(now)).collect();
        insta::assert_snapshot!(format!("{}{}", text(&nodes, now), remarks.join("\n")));
    }
}
