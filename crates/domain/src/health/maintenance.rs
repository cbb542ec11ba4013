//! When nothing is repaired and nobody is called, because somebody is at it.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{GuestKey, NodeName};

/// The longest there is; one that was forgotten should end.
const LONGEST: TimeDelta = TimeDelta::hours(24);

/// How long before its end that is told.
const WARNING: TimeDelta = TimeDelta::minutes(15);

/// A time in which nothing is repaired and nobody is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maintenance {
    /// Its name; the same name replaces it.
    pub id: Box<str>,
    /// Whom it is about.
    pub selector: Selector,
    /// When it begins.
    pub from: DateTime<Utc>,
    /// When it ends.
    pub to: DateTime<Utc>,
    /// Who asked for it.
    pub who: String,
    /// What for.
    pub why: String,
    /// Whether its coming end was told.
    #[serde(default)]
    pub is_warned: bool,
}

/// Which guests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", content = "of", rename_all = "lowercase")]
pub enum Selector {
    /// All of them.
    All,
    /// Those of a host.
    Host(NodeName),
    /// One.
    Guest(GuestKey),
}

impl Maintenance {
    /// Returns it with an end it is allowed.
    pub(super) fn bounded(self) -> Self {
        Self { to: self.to.min(self.from + LONGEST), ..self }
    }

    /// Says whether it is on.
    pub fn is_on(&self, now: DateTime<Utc>) -> bool {
        (self.from..self.to).contains(&now)
    }

    /// Returns when its coming end is told.
    pub(super) fn warning(&self) -> DateTime<Utc> {
        self.from.max(self.to - WARNING)
    }
}

impl Selector {
    /// Says whether a guest is one of them.
    pub fn has(&self, guest: GuestKey, host: &NodeName) -> bool {
        match self {
            Self::All => true,
            Self::Host(one) => one == host,
            Self::Guest(one) => *one == guest,
        }
    }
}
