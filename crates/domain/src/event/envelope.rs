//! The envelope: CloudEvents 1.0, structured JSON.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

use super::fact::{EventKind, Fact};
use crate::{Desired, GuestKey, Record, RunId, Work};

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
    /// It is a batch with no event in it.
    #[error("it is a batch with no event in it")]
    Empty,
    /// It does not say how the guest is.
    #[error("it is `{0}`, and does not carry the state of the guest")]
    Stateless(String),
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Envelope<'a, D> {
    /// The version of the envelope.
    #[serde(borrow)]
    specversion: Cow<'a, str>,
    /// Names the event and no other.
    #[serde(borrow)]
    id: Cow<'a, str>,
    /// Who tells it.
    #[serde(borrow)]
    source: Cow<'a, str>,
    /// What it tells.
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    /// The guest.
    subject: GuestKey,
    /// When it happened, by the clock of who tells it.
    time: DateTime<Utc>,
    /// How `data` is written.
    #[serde(borrow)]
    datacontenttype: Cow<'a, str>,
    /// The request it belongs to.
    runid: RunId,
    /// The trace it belongs to.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<Cow<'a, str>>,
    /// What belongs to it.
    data: D,
}

/// How much of the state an event says.
#[derive(Clone, Copy)]
enum Detail {
    All,
    Work,
    Nothing,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Told<'a, F> {
    /// What happened.
    fact: &'a F,
    /// The guest after it; absent where that follows from the event before.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<ToldState<'a>>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct ToldState<'a> {
    /// The guest.
    guest: GuestKey,
    /// What is wanted of it; absent where the last event of the array says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    desired: Option<&'a Desired>,
    /// What is done about it.
    work: &'a Work,
}

#[derive(Deserialize)]
struct Read<'a> {
    #[serde(borrow)]
    fact: &'a RawValue,
    state: Option<ReadState>,
}

#[derive(Deserialize)]
struct ReadState {
    guest: GuestKey,
    desired: Option<Desired>,
    work: Work,
}

/// An event of a row, before what follows from the others is put in.
struct Bare {
    id: EventId,
    source: String,
    kind: String,
    subject: GuestKey,
    time: DateTime<Utc>,
    traceparent: Option<String>,
    fact: Fact,
    state: Option<ReadState>,
}

impl Event {
    /// Returns the content type of what [`Event::write`] writes for so many events.
    pub fn content_type(events: usize) -> &'static str {
        match events {
            1 => "application/cloudevents+json",
            _ => "application/cloudevents-batch+json",
        }
    }

    /// Writes events in a row: one as it is, several as the batch of the JSON format.
    ///
    /// The last one has the whole state. What follows from it or from the one before is left out
    /// of the others: a guest that is done in a moment would say the same ten times.
    pub fn write(events: &[Self]) -> Result<Vec<u8>, serde_json::Error> {
        match events {
            [one] => serde_json::to_vec(&one.envelope(Detail::All)),
            several => {
                let last = several.len().saturating_sub(1);
                let is_wanted_alike = several
                    .first()
                    .zip(several.last())
                    .is_none_or(|(first, last)| first.state.desired == last.state.desired);
                let row = several.iter().enumerate().map(|(nth, event)| {
                    event.envelope(match nth {
                        _ if nth == last => Detail::All,
                        0 if is_wanted_alike => Detail::Work,
                        // Some fact of the row changes what is wanted: what follows goes by that.
                        0 => Detail::All,
                        _ => Detail::Nothing,
                    })
                });
                serde_json::to_vec(&row.collect::<Vec<_>>())
            }
        }
    }

    fn envelope(&self, detail: Detail) -> Envelope<'_, Told<'_, Fact>> {
        let desired = match detail {
            Detail::All => Some(&self.state.desired),
            Detail::Work | Detail::Nothing => None,
        };
        let (guest, work) = (self.state.guest, &self.state.work);
        let state = match detail {
            Detail::All | Detail::Work => Some(ToldState { guest, desired, work }),
            Detail::Nothing => None,
        };
        Envelope {
            specversion: "1.0".into(),
            id: (&self.id).into(),
            source: (&self.source).into(),
            kind: self.fact.kind().type_name().into(),
            subject: self.state.guest,
            time: self.time,
            datacontenttype: "application/json".into(),
            runid: self.state.desired.run.clone(),
            traceparent: self.traceparent.as_deref().map(Cow::from),
            data: Told { fact: &self.fact, state },
        }
    }

    /// Reads what [`Event::write`] wrote, in this version or an older one: one event at least.
    pub fn read(bytes: &[u8]) -> Result<Vec<Self>, Unreadable> {
        let row = if bytes.trim_ascii_start().starts_with(b"[") {
            let row: Vec<&RawValue> =
                serde_json::from_slice(bytes).map_err(Unreadable::NotAnEvent)?;
            row.into_iter()
                .map(|event| Bare::read(event.get().as_bytes()))
                .collect::<Result<_, _>>()?
        } else {
            vec![Bare::read(bytes)?]
        };
        complete(row)
    }
}

impl Bare {
    fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
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
        if let Some(state) = &read.state
            && state.guest != envelope.subject
        {
            let (said, found) = (state.guest, envelope.subject);
            return Err(Unreadable::Misplaced { said, found });
        }
        Ok(Self {
            id: envelope.id.into_owned(),
            source: envelope.source.into_owned(),
            kind: envelope.kind.into_owned(),
            subject: envelope.subject,
            time: envelope.time,
            traceparent: envelope.traceparent.map(Cow::into_owned),
            fact,
            state: read.state,
        })
    }

    fn with(self, state: Record) -> Event {
        let Self { id, source, time, traceparent, fact, .. } = self;
        Event { id, source, time, traceparent, fact, state }
    }
}

/// Puts into each event what was left out because it follows from the others.
fn complete(row: Vec<Bare>) -> Result<Vec<Event>, Unreadable> {
    let last = row.last().ok_or(Unreadable::Empty)?;
    let desired = last.state.as_ref().and_then(|state| state.desired.clone());
    let desired = desired.ok_or_else(|| Unreadable::Stateless(last.kind.clone()))?;
    let mut events: Vec<Event> = Vec::with_capacity(row.len());
    for mut bare in row {
        let state = match bare.state.take() {
            Some(ReadState { guest, desired: own, work }) => {
                Record { guest, desired: own.unwrap_or_else(|| desired.clone()), work }
            }
            None => events
                .last()
                .and_then(|before| Record::after(Some(&before.state), bare.subject, &bare.fact))
                .ok_or_else(|| Unreadable::Stateless(bare.kind.clone()))?,
        };
        events.push(bare.with(state));
    }
    Ok(events)
}
