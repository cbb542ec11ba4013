//! What is told of health, as events: CloudEvents 1.0, as those of the guests' logs are.

use chrono::{DateTime, Utc};
use phoenix_domain::GuestKey;
use phoenix_domain::health::{Concerned, Condition, Evidence, Incident};
use serde::Serialize;

#[derive(Serialize)]
struct Envelope<'e, D> {
    specversion: &'static str,
    id: String,
    source: &'e str,
    #[serde(rename = "type")]
    kind: &'static str,
    subject: String,
    time: DateTime<Utc>,
    datacontenttype: &'static str,
    data: D,
}

#[derive(Serialize)]
struct Turned<'e> {
    text: String,
    guest: GuestKey,
    probe: &'e str,
    from: Condition,
    to: Condition,
    since: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<&'e Evidence>,
}

#[derive(Serialize)]
struct About<'e> {
    text: &'e str,
    incident: &'e Incident,
    guests: &'e [Concerned],
}

/// What became of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Became {
    Opened,
    Updated,
    Resolved,
}

/// A guest that was found to be otherwise than before.
pub(super) struct Turn<'e> {
    pub(super) guest: GuestKey,
    pub(super) probe: &'e str,
    pub(super) from: Condition,
    pub(super) to: Condition,
    pub(super) since: DateTime<Utc>,
    pub(super) evidence: Option<&'e Evidence>,
}

/// Returns the event that a guest was found to be otherwise than before.
pub(super) fn turned(source: &str, turn: &Turn<'_>) -> Vec<u8> {
    let Turn { guest, probe, from, to, since, evidence } = *turn;
    let text = match to.reason() {
        Some(reason) => format!("{probe} of {} {}", guest.vmid, reason.words()),
        None => format!("{probe} of {} is {}", guest.vmid, to.word()),
    };
    let data = Turned { text, guest, probe, from, to, since, evidence };
    write(source, "dev.phoenix.health.turned.v1", guest.to_string(), since, data)
}

/// Returns the event of an incident.
pub(crate) fn incident(
    source: &str,
    became: Became,
    incident: &Incident,
    guests: &[Concerned],
) -> Vec<u8> {
    let kind = match became {
        Became::Opened => "dev.phoenix.incident.opened.v1",
        Became::Updated => "dev.phoenix.incident.updated.v1",
        Became::Resolved => "dev.phoenix.incident.resolved.v1",
    };
    let data = About { text: &incident.text, incident, guests };
    write(source, kind, incident.id.to_string(), incident.updated, data)
}

/// Returns an event as it is told.
pub(crate) fn write(
    source: &str,
    kind: &'static str,
    subject: String,
    time: DateTime<Utc>,
    data: impl Serialize,
) -> Vec<u8> {
    let envelope = Envelope {
        specversion: "1.0",
        id: uuid::Uuid::now_v7().simple().to_string(),
        source,
        kind,
        subject,
        time,
        datacontenttype: "application/json",
        data,
    };
    // Words have no key that is not text and nothing that refuses to be written.
    serde_json::to_vec(&envelope).unwrap_or_default()
}
