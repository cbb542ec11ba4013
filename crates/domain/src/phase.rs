//! How far a guest has come, and what keeps it from going on.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Vmid;

/// How far a guest has come. It is computed from what is seen, never read from a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It is in the config.
    Defined,
    /// It exists on the host.
    Created,
    /// Its properties, volumes and disk are as wanted.
    Configured,
    /// It runs.
    Running,
    /// Its features are installed.
    Customizing,
    /// Everything about it is as wanted.
    Completed,
}

/// What is the matter with a guest besides its phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "condition", rename_all = "snake_case")]
pub enum Condition {
    /// Nothing; it goes on, or it has arrived.
    Fine,
    /// It was given up.
    Failed {
        /// What could not be done.
        why: String,
    },
    /// It waits for another guest.
    Waiting {
        /// The guest it stands on.
        on: Vmid,
    },
    /// A human must decide.
    Blocked {
        /// What is asked.
        question: String,
    },
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Defined => "defined",
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Running => "running",
            Self::Customizing => "customizing",
            Self::Completed => "completed",
        })
    }
}
