//! What a guest is found to be, once its readings are judged.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Reason;

/// What a guest is found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "is", content = "because", rename_all = "kebab-case")]
pub enum Condition {
    /// It is on its way up, and has time left for that.
    Starting,
    /// It serves.
    Healthy,
    /// It serves, and not as it should.
    Degraded(Reason),
    /// It does not serve.
    Failed(Reason),
    /// Nothing can be said about it, and so nothing is done to it.
    Unknown(Reason),
}

impl Condition {
    /// Returns why it is not well.
    pub fn reason(self) -> Option<Reason> {
        match self {
            Self::Starting | Self::Healthy => None,
            Self::Degraded(reason) | Self::Failed(reason) | Self::Unknown(reason) => Some(reason),
        }
    }

    /// Says whether it does not serve.
    pub fn is_failed(self) -> bool {
        matches!(self, Self::Failed(_))
    }

    /// Says whether nobody has to look after it.
    pub fn is_well(self) -> bool {
        self.reason().is_none()
    }

    /// Says whether it serves, well or not.
    pub fn is_serving(self) -> bool {
        matches!(self, Self::Healthy | Self::Degraded(_))
    }

    /// Returns how much it tells about what is wrong: that a check fails, or that nobody answers, may
    /// have many causes.
    pub(super) fn detail(self) -> u8 {
        match self.reason() {
            None | Some(Reason::CheckFailed | Reason::Unjudged) => 0,
            Some(Reason::Unresponsive | Reason::StartStalled | Reason::Unreachable) => 1,
            Some(_) => 2,
        }
    }

    /// Returns the word for it, without the reason.
    pub fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Degraded(_) => "degraded",
            Self::Failed(_) => "failed",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            Some(reason) => write!(f, "{} ({reason})", self.word()),
            None => f.write_str(self.word()),
        }
    }
}
