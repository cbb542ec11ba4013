//! What is told of health, as events.

use chrono::{DateTime, Utc};
use phoenix_domain::health::{
    AboutIncident, Concerned, HealthEvent, HealthEventKind, Incident, Turned,
};
use serde::Serialize;

/// Returns the event that a guest was found to be otherwise than before.
pub(super) fn turned(source: &str, turned: Turned) -> Vec<u8> {
    let (subject, since) = (turned.guest.to_string(), turned.since);
    write(source, HealthEventKind::Turned, subject, since, turned)
}

/// Returns the event of an incident.
pub(crate) fn incident(
    source: &str,
    kind: HealthEventKind,
    incident: &Incident,
    guests: Vec<Concerned>,
) -> Vec<u8> {
    let (text, subject) = (incident.text.clone(), incident.id.to_string());
    let about = AboutIncident { text, incident: Box::new(incident.clone()), guests };
    write(source, kind, subject, incident.updated, about)
}

/// Returns an event as it is told.
pub(crate) fn write(
    source: &str,
    kind: HealthEventKind,
    subject: String,
    time: DateTime<Utc>,
    data: impl Serialize,
) -> Vec<u8> {
    let id = uuid::Uuid::now_v7().simple().to_string();
    HealthEvent::new(kind, id, source, subject, time, data).write()
}
