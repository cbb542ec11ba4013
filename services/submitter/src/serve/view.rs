//! What the page shows, as documents.

use chrono::{DateTime, Utc};
use phoenix_domain::health::Try;
use phoenix_domain::{Event, GuestKey};
use serde_json::{Value, json};

use crate::severity::Severity;
use crate::site::{Site, not_well};
use crate::status::{self, Around};
use crate::words;

/// Returns everything.
pub(super) fn all(site: &Site, now: DateTime<Utc>) -> Value {
    let guests: Vec<_> = site.states.guests().filter_map(|one| guest(site, one, now)).collect();
    json!({
        "apiVersion": "phoenix.dev/v1", "kind": "Site", "guests": guests,
        "hosts": hosts(site, now), "incidents": incidents(site), "monitor": monitor(site),
    })
}

/// Returns a guest.
pub(super) fn guest(site: &Site, guest: GuestKey, now: DateTime<Utc>) -> Option<Value> {
    let around = Around { states: &site.states, hosts: Some(&site.hosts), now };
    let mut shown = status::json(&around, guest)?;
    let record = site.states.record(guest)?;
    let step = record.step().filter(|_| !record.is_settled());
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("stepOf".to_owned(), step.map(|step| words::step(record, step)).into());
        shown.insert("health".to_owned(), health(site, guest));
    }
    Some(shown)
}

fn hosts(site: &Site, now: DateTime<Utc>) -> Value {
    let hosts = site.hosts.iter().map(|report| {
        json!({
            "host": report.host, "isAlive": report.is_alive(now), "busy": report.busy,
            "version": report.version, "heard": words::time(report.heard),
            "notWell": not_well(&report.facts),
        })
    });
    hosts.collect()
}

fn incidents(site: &Site) -> Value {
    let shown = site.open_incidents().into_iter().map(|incident| {
        json!({
            "id": incident.id, "severity": incident.severity, "text": incident.text,
            "opened": words::time(incident.opened), "guests": incident.guests,
            "tried": incident.tried.iter().map(Try::sentence).collect::<Vec<_>>(),
            "next": incident.next.sentence(), "commands": incident.commands,
        })
    });
    shown.collect()
}

fn monitor(site: &Site) -> Value {
    match &site.outlook {
        None => Value::Null,
        Some(outlook) => json!({
            "mode": outlook.mode, "breaker": outlook.breaker, "maintenance": outlook.maintenance,
        }),
    }
}

fn health(site: &Site, guest: GuestKey) -> Value {
    match site.health(guest) {
        None => Value::Null,
        Some((probe, condition, since)) => json!({
            "probe": probe.name, "state": condition.word(), "text": condition.to_string(),
            "since": words::time(*since),
        }),
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
