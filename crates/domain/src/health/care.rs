//! How a guest is watched over, as its file says.

use serde::{Deserialize, Serialize};

use super::{Mode, Probe};

/// A probe that the file of a guest names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Declared {
    /// It is asked, in place of an implied one of the same name.
    Asked(Probe),
    /// The one of this name is not asked, whatever implies it.
    Off(Box<str>),
}

/// How the health monitor treats a guest. What is absent follows from what the guest is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Care {
    /// What is done about findings, unless a human says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Whether nothing is lost when it is set up again, or made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stateless: Option<bool>,
    /// Seconds from a start within which each of its probes has to find it serving, where the
    /// probe does not say that itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_deadline: Option<u32>,
}

impl Declared {
    /// Returns the name of the probe.
    pub fn name(&self) -> &str {
        match self {
            Self::Asked(probe) => &probe.name,
            Self::Off(name) => name,
        }
    }
}

impl Care {
    /// Says whether nothing is said about it.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}
