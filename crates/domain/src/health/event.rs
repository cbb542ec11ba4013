//! What is told of health, as others hear it: one type of data for each kind of event, and the envelope.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Concerned, Condition, Evidence, Incident};
use crate::GuestKey;

macro_rules! data {
    ($(#[doc = $doc:literal] $name:ident { $(#[doc = $field_doc:literal] $(#[serde($($attribute:tt)*)])? $field:ident: $type:ty,)* })*) => {$(
        #[doc = $doc]
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub struct $name {
            $(#[doc = $field_doc] $(#[serde($($attribute)*)])? pub $field: $type,)*
        }

        impl $name {
            const FIELDS: &'static [(&'static str, &'static str)] =
                &[$((stringify!($field), $field_doc),)*];
        }
    )*};
}

macro_rules! kinds {
    ($(#[doc = $doc:literal] $name:ident $type:literal $data:ident)*) => {
        /// The kinds of event that are told of health.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum HealthEventKind {
            $(#[doc = $doc] #[serde(rename = $type)] $name,)*
        }

        impl HealthEventKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns the type of the event, version last.
            pub fn type_name(self) -> &'static str {
                match self {
                    $(Self::$name => $type,)*
                }
            }

            /// Returns what it says, and the fields that belong to it.
            pub fn description(self) -> (&'static str, &'static [(&'static str, &'static str)]) {
                match self {
                    $(Self::$name => ($doc, $data::FIELDS),)*
                }
            }

            /// Returns the schema of an event of this kind, JSON Schema 2020-12.
            #[cfg(feature = "schema")]
            pub fn schema(self) -> Value {
                match self {
                    $(Self::$name => {
                        crate::schema::of::<HealthEvent<$data>>(self.type_name(), self.description().0)
                    })*
                }
            }
        }
    };
}

data! {
    /// A guest that was found to be otherwise than before.
    Turned {
        /// The same in words.
        text: String,
        /// The guest.
        guest: GuestKey,
        /// The probe that found it.
        probe: Box<str>,
        /// What it was.
        from: Condition,
        /// What it is now; the reason is in there.
        to: Condition,
        /// Since when.
        since: DateTime<Utc>,
        /// What that rests on: what was asked, and what came.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<Evidence>,
    }
    /// How an incident stands.
    AboutIncident {
        /// The same in words: one line, of 160 characters at most.
        text: String,
        /// The whole incident: `id`, `root` (what it is put down to), `reason`, `severity`, `opened`, `updated`, `resolved`, `guests`, `evidence`, `tried`, `next`, `commands`, `acks` (who has seen it).
        incident: Box<Incident>,
        /// Its guests with their names and hosts, as far as those are known.
        #[serde(default)]
        guests: Vec<Concerned>,
    }
    /// An incident that nobody has seen.
    IncidentReminder {
        /// The same in words: one line, of 160 characters at most.
        text: String,
        /// The whole incident.
        incident: Box<Incident>,
        /// Its guests with their names and hosts, as far as those are known.
        #[serde(default)]
        guests: Vec<Concerned>,
        /// Which reminder it is by this channel, as `number`, and how long the incident has stood, as `stands_s`.
        reminder: Reminder,
    }
    /// Several events in one.
    Digest {
        /// The same in words.
        text: String,
        /// How many there are.
        count: usize,
        /// The events, whole, the one that matters most first.
        events: Vec<Value>,
    }
    /// How a channel does.
    AboutChannel {
        /// The same in words.
        text: String,
        /// The channel.
        channel: String,
        /// Since when nothing gets through, or did until now.
        since: DateTime<Utc>,
        /// What went wrong last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    }
    /// A channel that is tried.
    ChannelTest {
        /// The same in words.
        text: String,
        /// Always true.
        test: bool,
        /// The channel.
        channel: String,
    }
}

/// Which reminder it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reminder {
    /// The first is 1.
    pub number: u32,
    /// How long the incident has stood, in seconds.
    pub stands_s: i64,
}

kinds! {
    /// A probe finds a guest to be otherwise than before.
    Turned "dev.phoenix.health.turned.v1" Turned
    /// Something is not well that people should know of.
    IncidentOpened "dev.phoenix.incident.opened.v1" AboutIncident
    /// There is something new about an incident: found, tried, seen by somebody, or next.
    IncidentUpdated "dev.phoenix.incident.updated.v1" AboutIncident
    /// An incident is over.
    IncidentResolved "dev.phoenix.incident.resolved.v1" AboutIncident
    /// Nobody has acknowledged an incident that a human is called for; only channels are told.
    IncidentReminder "dev.phoenix.incident.reminder.v1" IncidentReminder
    /// There are too many incidents for a message each; only channels are told.
    IncidentDigest "dev.phoenix.incident.digest.v1" Digest
    /// Nobody can be called by a channel.
    ChannelSilent "dev.phoenix.channel.silent.v1" AboutChannel
    /// People can be called by a channel again.
    ChannelDelivers "dev.phoenix.channel.delivers.v1" AboutChannel
    /// Somebody tries a channel; only that channel is told.
    ChannelTest "dev.phoenix.channel.test.v1" ChannelTest
}

/// An event that is told of health: a `CloudEvent` 1.0, as those of the guests' logs are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HealthEvent<D> {
    /// The version of the envelope.
    specversion: Specversion,
    /// Names the event and no other.
    pub id: String,
    /// Who tells it.
    pub source: String,
    /// What it tells.
    #[serde(rename = "type")]
    pub kind: HealthEventKind,
    /// What it is about.
    pub subject: String,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// How `data` is written.
    datacontenttype: ContentType,
    /// What belongs to it.
    pub data: D,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
enum Specversion {
    #[serde(rename = "1.0")]
    One,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
enum ContentType {
    #[serde(rename = "application/json")]
    Json,
}

impl<D> HealthEvent<D> {
    /// Puts what there is to tell into its envelope.
    pub fn new(
        kind: HealthEventKind,
        id: String,
        source: &str,
        subject: String,
        time: DateTime<Utc>,
        data: D,
    ) -> Self {
        let (specversion, datacontenttype) = (Specversion::One, ContentType::Json);
        let source = source.to_owned();
        Self { specversion, id, source, kind, subject, time, datacontenttype, data }
    }
}

impl<D: Serialize> HealthEvent<D> {
    /// Returns it as it is told.
    pub fn write(&self) -> Vec<u8> {
        // Words have no key that is not text and nothing that refuses to be written.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl<'d, D: Deserialize<'d>> HealthEvent<D> {
    /// Reads one that was told.
    pub fn read(bytes: &'d [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

/// What is told of health for everybody to hear: what only channels are told is not among it.
#[derive(Clone, Debug, PartialEq)]
pub enum HealthNews {
    /// A probe finds a guest to be otherwise than before.
    Turned(HealthEvent<Turned>),
    /// There is something new about an incident.
    Incident(HealthEvent<AboutIncident>),
    /// Whether people can be called by a channel.
    Channel(HealthEvent<AboutChannel>),
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: HealthEventKind,
}

impl HealthNews {
    /// Reads what was told.
    pub fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let Kind { kind } = serde_json::from_slice(bytes)?;
        Ok(match kind {
            HealthEventKind::Turned => Self::Turned(HealthEvent::read(bytes)?),
            HealthEventKind::IncidentOpened
            | HealthEventKind::IncidentUpdated
            | HealthEventKind::IncidentResolved => Self::Incident(HealthEvent::read(bytes)?),
            HealthEventKind::ChannelSilent | HealthEventKind::ChannelDelivers => {
                Self::Channel(HealthEvent::read(bytes)?)
            }
            HealthEventKind::IncidentReminder
            | HealthEventKind::IncidentDigest
            | HealthEventKind::ChannelTest => {
                let why = format!("{kind} is for channels alone");
                return Err(serde::de::Error::custom(why));
            }
        })
    }

    /// Returns when it happened.
    pub fn time(&self) -> DateTime<Utc> {
        match self {
            Self::Turned(event) => event.time,
            Self::Incident(event) => event.time,
            Self::Channel(event) => event.time,
        }
    }
}

impl fmt::Display for HealthEventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.type_name().trim_start_matches("dev.phoenix.").trim_end_matches(".v1"))
    }
}
