//! What people are told about a trouble: one incident for each cause, from its opening to its end.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::lot::Lot;
use super::{Ack, Evidence, Reason, Root, Rung, Try};
use crate::{GuestKey, Refused};

/// The longest text of an incident, in characters.
pub(super) const LONGEST_TEXT: usize = 160;

/// The exhibits an incident keeps: the first, and the latest.
pub(super) const EXHIBITS: usize = 8;

/// The name of an incident: short, and the same wherever it is computed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct IncidentId(Box<str>);

/// How urgent it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// For the record.
    Info,
    /// Worth knowing in the morning.
    Notice,
    /// Not well, and something is being done.
    Warn,
    /// Not well, and only a human can help.
    Page,
}

/// A trouble, from its opening to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Incident {
    /// Its name.
    pub id: IncidentId,
    /// What it is put down to.
    pub root: Root,
    /// Why.
    pub reason: Reason,
    /// How urgent it is; it only ever grows.
    pub severity: Severity,
    /// One line that says it all, of 160 characters at most.
    pub text: String,
    /// When it was opened.
    pub opened: DateTime<Utc>,
    /// When it last changed.
    pub updated: DateTime<Utc>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<DateTime<Utc>>,
    /// The guests that are not well by it.
    pub guests: Vec<GuestKey>,
    /// What it rests on.
    pub evidence: Vec<Exhibit>,
    /// What was tried.
    pub tried: Vec<Try>,
    /// What happens next, and when, or why nothing does.
    pub next: Next,
    /// What a human can type.
    pub commands: Vec<Command>,
    /// Who has seen it; only the last one may still hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acks: Vec<Ack>,
}

/// A guest of an incident, as people know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Concerned {
    /// The guest.
    pub guest: GuestKey,
    /// Its name.
    pub name: String,
    /// Its host.
    pub host: String,
}

/// A reading that shows something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Exhibit {
    /// The guest.
    pub guest: GuestKey,
    /// The probe.
    pub probe: Box<str>,
    /// When it was read.
    pub at: DateTime<Utc>,
    /// What was found.
    pub found: Reason,
    /// What that rests on.
    pub evidence: Evidence,
}

/// What happens next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Next {
    /// A repair, unless it serves by then.
    Repair {
        /// Which.
        rung: Rung,
        /// Which time that will be.
        attempt: u32,
        /// How often it is tried at most.
        of: u32,
        /// When.
        at: DateTime<Utc>,
    },
    /// A repair, once nothing is in the way any more.
    Held {
        /// Which.
        rung: Rung,
        /// What is in the way.
        why: String,
        /// When it is out of the way, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<DateTime<Utc>>,
    },
    /// A worker is at it.
    UnderWay {
        /// At what.
        rung: Rung,
        /// When nobody counts on it any more.
        until: DateTime<Utc>,
        /// What comes next if that does not help.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        then: Option<Rung>,
    },
    /// Something follows from how it is then.
    Look {
        /// When.
        at: DateTime<Utc>,
        /// What, in words that follow the time.
        why: String,
        /// What is tried next if it does not serve by then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        then: Option<Rung>,
    },
    /// Nothing, by itself.
    None {
        /// Why.
        why: String,
    },
}

/// What a human can type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Command {
    /// What it does.
    pub label: String,
    /// What is typed.
    pub line: String,
    /// What it puts at stake.
    pub danger: Danger,
}

/// What a command puts at stake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Danger {
    /// It only reads.
    Read,
    /// It changes what the monitor does.
    Safe,
    /// It stops or changes a guest.
    Destructive,
}

impl IncidentId {
    /// Names the incident that was opened then.
    pub fn of(root: &Root, opened: DateTime<Utc>) -> Self {
        Self(Lot::of_these(&[root, &opened.timestamp_millis()]).letters(6).into())
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Incident {
    /// Returns what all of its messages have in common, for whoever receives them.
    pub fn dedup_key(&self) -> String {
        match &self.root {
            Root::Guest(guest) => format!("phoenix/{guest}"),
            Root::Monitor | Root::Breaker | Root::Ground(_) => {
                format!("phoenix/{}", self.root).replace(' ', "-")
            }
        }
    }

    /// Says whether it is still open.
    pub fn is_open(&self) -> bool {
        self.resolved.is_none()
    }

    /// Adds an exhibit. The first few stay, because they show how it began.
    pub(super) fn show(&mut self, exhibit: Exhibit) {
        if self.evidence.len() == EXHIBITS {
            self.evidence.remove(EXHIBITS / 2);
        }
        self.evidence.push(exhibit);
    }
}

impl TryFrom<String> for IncidentId {
    type Error = Refused;

    fn try_from(text: String) -> Result<Self, Refused> {
        let is_name = text.len() == 6
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if is_name {
            Ok(Self(text.into()))
        } else {
            let rule = "an incident is named by 6 capital letters and digits";
            Err(Refused::new(text, "an incident", rule))
        }
    }
}

impl From<IncidentId> for String {
    fn from(id: IncidentId) -> Self {
        id.0.into()
    }
}

impl FromStr for IncidentId {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        text.to_ascii_uppercase().try_into()
    }
}

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warn => "warn",
            Self::Page => "page",
        })
    }
}
