//! What the page shows, as documents.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use phoenix_bus::Filed;
use phoenix_domain::health::Try;
use phoenix_domain::{Event, GuestKey};
use serde_json::{Value, json};

use crate::approvals;
use crate::letter;
use crate::nodes;
use crate::severity::Severity;
use crate::site::{Site, not_well};
use crate::states::States;
use crate::status::{self, Around};
use crate::words;

/// How much of what happened last a page is shown that comes now.
const RECENT: usize = 50;

/// All that is known.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) site: Site,
    /// The dead letters, and the mark they had when they were read.
    pub(super) letters: Vec<Filed>,
    pub(super) letters_at: (u64, u64),
    /// When hosts, the monitor and the letters were looked at last.
    pub(super) looked: Option<Looked>,
    /// The log is another one than the states were read from.
    pub(super) is_of_the_past: bool,
    /// What happened last, the newest last, each with its place in the log.
    recent: VecDeque<(u64, Arc<Event>)>,
}

/// A look that came to its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looked {
    pub(super) at: DateTime<Utc>,
    /// How often the connection had been made by then.
    pub(super) connection: u64,
}

impl View {
    /// Takes in the states as they were read, and with them what happened last to each guest.
    pub(super) fn begin(&mut self, states: States) {
        self.recent.clear();
        let last = states.last_events();
        for (seq, event) in last.into_iter().rev().take(RECENT).rev() {
            self.remember(seq, Arc::new(event.clone()));
        }
        self.site.states = states;
        self.is_of_the_past = false;
    }

    /// Keeps something that happened for whoever comes later.
    pub(super) fn remember(&mut self, seq: u64, event: Arc<Event>) {
        self.recent.push_back((seq, event));
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    /// Returns everything.
    pub(super) fn all(&self, now: DateTime<Utc>) -> Value {
        let guests: Vec<_> =
            self.site.states.guests().filter_map(|guest| self.guest(guest, now)).collect();
        let recent = self.recent.iter().map(|(seq, event)| happened(*seq, event));
        let recent: Vec<_> = recent.collect();
        json!({
            "apiVersion": "phoenix.dev/v1", "kind": "Site", "guests": guests,
            "hosts": self.hosts(now), "incidents": self.incidents(), "monitor": self.monitor(),
            "letters": self.letters(), "questions": self.questions(), "happened": recent,
        })
    }

    /// Returns a guest.
    pub(super) fn guest(&self, guest: GuestKey, now: DateTime<Utc>) -> Option<Value> {
        let around = Around { states: &self.site.states, hosts: Some(&self.site.hosts), now };
        let mut shown = status::json(&around, guest)?;
        let record = self.site.states.record(guest)?;
        let step = record.step().filter(|_| !record.is_settled());
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("stepOf".to_owned(), step.map(|step| words::step(record, step)).into());
            shown.insert("health".to_owned(), self.health(guest));
        }
        Some(shown)
    }

    pub(super) fn hosts(&self, now: DateTime<Utc>) -> Value {
        let hosts = self.site.hosts.iter().map(|report| {
            json!({
                "host": report.host, "isAlive": report.is_alive(now), "busy": report.busy,
                "version": report.version, "instance": report.instance,
                "started": words::time(report.started), "heard": words::time(report.heard),
                "notWell": not_well(&report.facts),
                "drained": report.drained.as_ref().map(nodes::drained),
            })
        });
        hosts.collect()
    }

    pub(super) fn incidents(&self) -> Value {
        let shown = self.site.open_incidents().into_iter().map(|incident| {
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

    /// Returns what people are asked before something is done because of a push.
    pub(super) fn questions(&self) -> Value {
        approvals::json(&self.site.approvals)
    }

    pub(super) fn monitor(&self) -> Value {
        match &self.site.outlook {
            None => Value::Null,
            Some(outlook) => json!({
                "mode": outlook.mode, "breaker": outlook.breaker, "maintenance": outlook.maintenance,
            }),
        }
    }

    /// Returns how the worst of its probes finds a guest; nothing where it is not watched.
    pub(super) fn health(&self, guest: GuestKey) -> Value {
        match self.site.health(guest) {
            None => Value::Null,
            Some((probe, condition, since)) => json!({
                "probe": probe.name, "state": condition.word(), "text": condition.to_string(),
                "since": words::time(*since),
            }),
        }
    }
}

/// Returns something that happened.
pub(super) fn happened(seq: u64, event: &Event) -> Value {
    json!({
        "seq": seq, "time": words::time(event.time), "guest": event.state.guest,
        "vmid": event.state.guest.vmid, "name": words::name(&event.state),
        "kind": event.fact.kind(), "run": event.state.desired.run, "text": words::happened(event),
        "isBad": Severity::of(event) > Severity::Info,
    })
}
