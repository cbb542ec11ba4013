//! What a child of a simulated host is asked, and how it answers: kinds of error survive it.

use std::fmt;
use std::io;
use std::path::Path;
use std::time::Duration;

use phoenix_domain::{Change, GuestSpec, Upstream};
use serde::{Deserialize, Serialize};

use super::folder::Folder;
use super::run;
use crate::HostError;

/// One change that a child is to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeOrder {
    /// The guest as it is wanted.
    pub guest: GuestSpec,
    /// The change.
    pub change: Change,
    /// What the guest is to lead to: no part of a spec that is written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upstreams: Vec<Upstream>,
}

/// Why a child did not make its change. What it displays is one line of JSON, which it is to print
/// to stderr as its last words; its parent makes the error it stands for out of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "they are those of the errors they stand for")]
pub enum NotMade {
    Locked { what: String, by: String },
    Failed { what: String, why: String, output: String },
    TimedOut { what: String, limit_ms: u64, output: String },
    Full { storage: String },
    Unreachable { why: String },
    Impossible { what: String, why: String },
    Refused { what: String, why: String, output: String },
    Unreadable { what: String, why: String },
}

/// Makes the change of an order: what a child of [`super::Effects::ByChild`] is to call.
pub fn run_change(dir: &Path, order_json: &str) -> Result<(), NotMade> {
    let mut order: ChangeOrder = serde_json::from_str(order_json).map_err(|err| {
        NotMade::Unreadable { what: "the order of a change".to_owned(), why: err.to_string() }
    })?;
    order.guest.upstreams = std::mem::take(&mut order.upstreams);
    // Who started us keeps the time, and ends us when it is over.
    let made = Folder::open(dir).and_then(|folder| run::run(&folder, &order, None));
    made.map_err(|err| NotMade::from(&err))
}

impl NotMade {
    /// Returns the code to exit with. It says nothing but that the change was not made.
    pub fn exit_code(&self) -> u8 {
        1
    }

    /// Reads the last words of a child.
    pub(super) fn read(stderr: &str) -> Option<Self> {
        serde_json::from_str(stderr.lines().next_back()?).ok()
    }
}

impl fmt::Display for NotMade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl std::error::Error for NotMade {}

impl From<&HostError> for NotMade {
    fn from(err: &HostError) -> Self {
        match err {
            HostError::Locked { what, by } => Self::Locked { what: what.clone(), by: by.clone() },
            HostError::Failed { what, why, output } => {
                Self::Failed { what: what.clone(), why: why.clone(), output: output.clone() }
            }
            HostError::TimedOut { what, limit, output } => Self::TimedOut {
                what: what.clone(),
                limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
                output: output.clone(),
            },
            HostError::Full { storage } => Self::Full { storage: storage.clone() },
            HostError::Unreachable { err } => Self::Unreachable { why: err.to_string() },
            HostError::Impossible { what, why } => {
                Self::Impossible { what: what.clone(), why: why.clone() }
            }
            HostError::Refused { what, why, output } => {
                Self::Refused { what: what.clone(), why: why.clone(), output: output.clone() }
            }
            // A simulated guest is given no secrets.
            HostError::NotGiven { err: why, .. } => {
                Self::Failed { what: err.to_string(), why: why.to_string(), output: String::new() }
            }
            // Whoever asks for the change has looked for it.
            HostError::NotBrought { .. } => {
                let (what, why) = (err.to_string(), "it is nowhere".to_owned());
                Self::Failed { what, why, output: String::new() }
            }
            // Nor has it an agent that could fail in its own ways.
            HostError::Agent { .. } | HostError::Job(_) => {
                let (what, why) = (err.to_string(), "its agent failed".to_owned());
                Self::Failed { what, why, output: String::new() }
            }
            HostError::Unreadable { what, why } => {
                Self::Unreadable { what: what.clone(), why: why.clone() }
            }
        }
    }
}

impl From<NotMade> for HostError {
    fn from(not_made: NotMade) -> Self {
        match not_made {
            NotMade::Locked { what, by } => Self::Locked { what, by },
            NotMade::Failed { what, why, output } => Self::Failed { what, why, output },
            NotMade::TimedOut { what, limit_ms, output } => {
                Self::TimedOut { what, limit: Duration::from_millis(limit_ms), output }
            }
            NotMade::Full { storage } => Self::Full { storage },
            NotMade::Unreachable { why } => Self::Unreachable { err: io::Error::other(why) },
            NotMade::Impossible { what, why } => Self::Impossible { what, why },
            NotMade::Refused { what, why, output } => Self::Refused { what, why, output },
            NotMade::Unreadable { what, why } => Self::Unreadable { what, why },
        }
    }
}
