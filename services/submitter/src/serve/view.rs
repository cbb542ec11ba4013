//! What the page shows, as documents.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};
use phoenix_bus::{Filed, HostReport, Outlook, Seen};
use phoenix_domain::health::{Condition, Facts, Incident, Try};
use phoenix_domain::{Event, GuestKey, Verdict};
use serde_json::{Value, json};

use crate::letter;
use crate::states::States;
use crate::status::{self, Around};
use crate::words;

/// How much of what happened last a page is shown that comes now.
const RECENT: usize = 50;

/// All that is known.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) states: States,
    pub(super) hosts: Vec<HostReport>,
    pub(super) incidents: Vec<Incident>,
    /// What the monitor says, but for the guests; absent while none answers.
    pub(super) outlook: Option<Outlook>,
    /// What it says of each guest.
    pub(super) seen: BTreeMap<GuestKey, Seen>,
    /// The dead letters, and the mark they had when they were read.
    pub(super) letters: Vec<Filed>,
    pub(super) letters_at: (u64, u64),
    /// What happened last, the newest last.
    recent: VecDeque<Value>,
}

impl View {
    /// Takes in the states as they were read, and with them what happened last to each guest.
    pub(super) fn begin(&mut self, states: States) {
        self.recent.clear();
        for (seq, event) in states.last_events() {
            self.remember(happened(seq, event));
        }
        self.states = states;
    }

    /// Keeps something that happened for whoever comes later.
    pub(super) fn remember(&mut self, happened: Value) {
        self.recent.push_back(happened);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    /// Returns everything.
    pub(super) fn all(&self, now: DateTime<Utc>) -> Value {
        let guests: Vec<_> =
            self.states.guests().filter_map(|guest| self.guest(guest, now)).collect();
        json!({
            "apiVersion": "phoenix.dev/v1", "kind": "Site", "guests": guests,
            "hosts": self.hosts(now), "incidents": self.incidents(), "monitor": self.monitor(),
            "letters": self.letters(), "happened": self.recent,
        })
    }

    /// Returns a guest.
    pub(super) fn guest(&self, guest: GuestKey, now: DateTime<Utc>) -> Option<Value> {
        let around = Around { states: &self.states, hosts: Some(&self.hosts), now };
        let mut shown = status::json(&around, guest)?;
        let record = self.states.record(guest)?;
        let step = record.step().filter(|_| !record.is_settled());
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("stepOf".to_owned(), step.map(|step| words::step(record, step)).into());
            shown.insert("health".to_owned(), self.health(guest));
        }
        Some(shown)
    }

    /// Returns guests whose lines may read otherwise since this one has changed: itself and those above.
    pub(super) fn touched(&self, guest: GuestKey) -> Vec<GuestKey> {
        std::iter::once(guest).chain(self.states.above(guest)).collect()
    }

    pub(super) fn hosts(&self, now: DateTime<Utc>) -> Value {
        let hosts = self.hosts.iter().map(|report| {
            json!({
                "host": report.host, "isAlive": report.is_alive(now), "busy": report.busy,
                "version": report.version, "instance": report.instance,
                "started": words::time(report.started), "heard": words::time(report.heard),
                "notWell": not_well(&report.facts),
            })
        });
        hosts.collect()
    }

    pub(super) fn incidents(&self) -> Value {
        let mut open: Vec<_> =
            self.incidents.iter().filter(|incident| incident.is_open()).collect();
        open.sort_by_key(|incident| (std::cmp::Reverse(incident.severity), incident.opened));
        let shown = open.into_iter().map(|incident| {
            json!({
                "id": incident.id, "severity": incident.severity, "text": incident.text,
                "opened": words::time(incident.opened), "guests": incident.guests,
                "tried": incident.tried.iter().map(Try::sentence).collect::<Vec<_>>(),
                "next": incident.next.sentence(), "commands": incident.commands,
                "seenBy": incident.acked().map(|ack| &ack.by),
            })
        });
        shown.collect()
    }

    pub(super) fn letters(&self) -> Value {
        let shown = self.letters.iter().map(|filed| {
            let [letter, time, guest, tried, why] = letter::row(filed);
            json!({ "letter": letter, "time": time, "guest": guest, "tried": tried, "why": why })
        });
        shown.collect()
    }

    pub(super) fn monitor(&self) -> Value {
        match &self.outlook {
            None => Value::Null,
            Some(outlook) => json!({
                "mode": outlook.mode, "breaker": outlook.breaker, "maintenance": outlook.maintenance,
            }),
        }
    }

    /// Returns how the worst of its probes finds a guest; nothing where it is not watched.
    pub(super) fn health(&self, guest: GuestKey) -> Value {
        let worst = self.seen.get(&guest).and_then(|seen| {
            seen.probes.iter().max_by_key(|(_, condition, _)| severity(*condition))
        });
        match worst {
            None => Value::Null,
            Some((probe, condition, since)) => json!({
                "probe": probe.name, "state": condition.word(), "text": condition.to_string(),
                "since": words::time(*since),
            }),
        }
    }
}

/// Returns what of a host is not well.
fn not_well(facts: &Facts) -> String {
    let bridges = facts.broken_bridges.iter().map(|name| format!("bridge {name}"));
    let storages = facts.broken_storages.iter().map(|name| format!("storage {name}"));
    let gpus = facts.broken_gpus.iter().map(|index| format!("GPU {index}"));
    bridges.chain(storages).chain(gpus).collect::<Vec<_>>().join(", ")
}

/// Returns how bad something is, the worst last.
fn severity(condition: Condition) -> u8 {
    match condition {
        Condition::Healthy => 0,
        Condition::Starting => 1,
        Condition::Unknown(_) => 2,
        Condition::Degraded(_) => 3,
        Condition::Failed(_) => 4,
    }
}

/// Returns something that happened.
pub(super) fn happened(seq: u64, event: &Event) -> Value {
    json!({
        "seq": seq, "time": words::time(event.time), "guest": event.state.guest,
        "vmid": event.state.guest.vmid, "name": words::name(&event.state),
        "kind": event.fact.kind(), "run": event.state.desired.run, "text": words::happened(event),
        "isBad": is_bad(event),
    })
}

/// Says whether something happened that a person looks for first.
fn is_bad(event: &Event) -> bool {
    use phoenix_domain::Fact::{
        Answered, Blocked, CancelRequested, Cancelled, Claimed, Completed, DeadLettered, Drifted,
        Failed, RepairRequested, Requested, RestartBegun, RetryWait, ReturnBegun, StepFailed,
        StepTaken,
    };
    match &event.fact {
        StepFailed(failed) => failed.failure.verdict != Verdict::Wait,
        Blocked(_) | Failed(_) | ReturnBegun(_) | DeadLettered(_) => true,
        Drifted(drifted) => !drifted.changes.is_empty(),
        Requested(_) | RepairRequested(_) | CancelRequested(_) | Answered(_) | Claimed(_)
        | StepTaken(_) | RetryWait(_) | Completed(_) | RestartBegun(_) | Cancelled(_) => false,
    }
}
