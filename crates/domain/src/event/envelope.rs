//! The envelope: CloudEvents 1.0, structured JSON.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

use super::fact::{EventKind, Fact};
use crate::{GuestKey, Record, RunId};

/// What names an event, and no other.
pub type EventId = String;

/// One fact about a guest, with the guest's whole state after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Names it, and no other.
    pub id: EventId,
    /// Who tells it: `//pve1/phoenix/worker`.
    pub source: String,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// The trace it belongs to.
    pub traceparent: Option<String>,
    /// What happened.
    pub fact: Fact,
    /// The whole state of the guest, now.
    pub state: Record,
}

/// Why bytes are not an event of ours.
#[derive(Debug, Error)]
pub enum Unreadable {
    /// It is no event in JSON.
    #[error("it is no CloudEvent")]
    NotAnEvent(#[source] serde_json::Error),
    /// Its envelope is of another version.
    #[error("it is a CloudEvent of version `{0}`, not 1.0")]
    OtherEnvelope(String),
    /// It is an event of a kind this version does not know.
    #[error("its type `{0}` is not known to this version")]
    UnknownType(String),
    /// What it carries is not what its type says.
    #[error("what it carries is not what `{0}` says")]
    Misshapen(String, #[source] serde_json::Error),
    /// It is about another guest than the place it was found at.
    #[error("it is about {said}, and was found at {found}")]
    Misplaced {
        /// The guest it is about.
        said: GuestKey,
        /// Where it was found.
        found: GuestKey,
    },
}

#[derive(Serialize, Deserialize)]
struct Envelope<'a, D> {
    #[serde(borrow)]
    specversion: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    subject: GuestKey,
    time: DateTime<Utc>,
    #[serde(borrow)]
    datacontenttype: Cow<'a, str>,
    runid: RunId,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<Cow<'a, str>>,
    data: D,
}

#[derive(Serialize)]
struct Told<'a> {
    fact: &'a Fact,
    state: &'a Record,
}

#[derive(Deserialize)]
struct Read<'a> {
    #[serde(borrow)]
    fact: &'a RawValue,
    state: Record,
}

impl Event {
    /// The content type of what [`Event::write`] writes.
    pub const CONTENT_TYPE: &'static str = "application/cloudevents+json";

    /// Writes it.
    pub fn write(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&Envelope {
            specversion: "1.0".into(),
            id: (&self.id).into(),
            source: (&self.source).into(),
            kind: self.fact.kind().type_name().into(),
            subject: self.state.guest,
            time: self.time,
            datacontenttype: "application/json".into(),
            runid: self.state.desired.run.clone(),
            traceparent: self.traceparent.as_deref().map(Cow::from),
            data: Told { fact: &self.fact, state: &self.state },
        })
    }

    /// Reads what [`Event::write`] wrote, in this version or an older one.
    pub fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        let envelope: Envelope<'_, &RawValue> =
            serde_json::from_slice(bytes).map_err(Unreadable::NotAnEvent)?;
        if envelope.specversion != "1.0" {
            return Err(Unreadable::OtherEnvelope(envelope.specversion.into_owned()));
        }
        let Some(kind) = EventKind::ALL.iter().find(|kind| kind.type_name() == envelope.kind)
        else {
            return Err(Unreadable::UnknownType(envelope.kind.into_owned()));
        };
        let misshapen = |err| Unreadable::Misshapen(envelope.kind.clone().into_owned(), err);
        let read: Read<'_> = serde_json::from_str(envelope.data.get()).map_err(misshapen)?;
        let fact = Fact::read(*kind, read.fact).map_err(misshapen)?;
        if read.state.guest != envelope.subject {
            let (said, found) = (read.state.guest, envelope.subject);
            return Err(Unreadable::Misplaced { said, found });
        }
        Ok(Self {
            id: envelope.id.into_owned(),
            source: envelope.source.into_owned(),
            time: envelope.time,
            traceparent: envelope.traceparent.map(Cow::into_owned),
            fact,
            state: read.state,
        })
    }
}
