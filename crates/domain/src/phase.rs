//! How far a guest has come.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How far a guest has come. It is computed from what is seen, never read from a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
