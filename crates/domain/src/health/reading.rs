//! What one probe found out, once.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Reason;

/// What one probe found out, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// When it had found that out, by the monitor's own clock, which never goes backwards.
    pub at: DateTime<Utc>,
    /// What.
    pub found: Found,
    /// How far its work has come, where the service counts that.
    pub progress: Option<Progress>,
    /// What it rests on.
    pub evidence: Evidence,
}

/// What was found. One reading decides nothing: what it says is judged with those before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", content = "because", rename_all = "kebab-case")]
pub enum Found {
    /// It serves.
    Serving,
    /// It serves, and not as it should.
    Worse(Reason),
    /// It says that it is on its way up.
    Loading,
    /// It answers, and does not serve.
    Failing(Reason),
    /// It does not answer. That alone does not tell a dead service from a busy one, or from one that
    /// is on its way up.
    Silent(Silence),
    /// It could not be asked, so nothing is known about it.
    Unasked(Reason),
}

/// In which way a service does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Silence {
    /// Nobody listens.
    Refused,
    /// The connection was taken, or not even refused, and no answer came in time.
    TimedOut,
    /// The connection was cut, or what came was no answer.
    Broken,
}

/// How far the work of a service has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Grows with every piece of work that is done, and starts anew with the service.
    pub done: u64,
    /// What it works on.
    pub running: u32,
    /// What waits for its turn.
    pub waiting: u32,
}

impl Progress {
    /// Says whether there is nothing for it to do.
    pub fn is_idle(self) -> bool {
        self.running == 0 && self.waiting == 0
    }
}

/// What a reading rests on, for people: short, and without secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Evidence {
    /// What was asked: `GET http://10.0.0.5:8000/health`.
    pub asked: String,
    /// What came: a status, or what went wrong.
    pub came: String,
    /// The beginning of the answer, 512 bytes at most, where it says more.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub excerpt: String,
    /// How long that took, in milliseconds.
    pub took_ms: u64,
}

/// What the worker sees of the process behind a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Process {
    /// There is none.
    Gone,
    /// Its supervisor is about to start it.
    Restarting {
        /// How often it has done so already, as far as it counts that.
        #[serde(default)]
        restarts: u32,
    },
    /// Its supervisor has given it up.
    GivenUp,
    /// It is there.
    Alive {
        /// Grows while it does anything at all: bytes it has read and written, and the like.
        stir: u64,
        /// How often its supervisor has started it again, as far as it counts that.
        #[serde(default)]
        restarts: u32,
    },
}

impl Process {
    /// Returns how often its supervisor has started it again.
    pub(super) fn restarts(self) -> Option<u32> {
        match self {
            Self::Gone | Self::GivenUp => None,
            Self::Restarting { restarts } | Self::Alive { restarts, .. } => Some(restarts),
        }
    }
}
