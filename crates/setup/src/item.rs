//! One thing about a host that is to be so: it looks, and says what is missing.

use std::fmt;

use thiserror::Error;

use crate::change::{HostChange, Settle};
use crate::host::Host;

/// One thing about a host that is to be so.
pub trait Item {
    /// Returns what people call it: `--only` takes it.
    fn name(&self) -> &'static str;

    /// Returns of which part of the host it is, where each has one of its own: the name of a pool.
    /// One part that cannot be made right keeps no other from it.
    fn part(&self) -> Option<&str> {
        None
    }

    /// Returns what it is about, in a few words.
    fn about(&self) -> &'static str;

    /// Returns the items that have to be right before.
    fn needs(&self) -> &'static [&'static str] {
        &[]
    }

    /// Looks, and returns what is missing. It changes nothing.
    fn look(&self, host: &Host) -> Result<Look, Refusal>;

    /// Looks, where parts of what it needs are not right; none means that it cannot do without.
    fn look_without(&self, _host: &Host, _gone: &[Gone]) -> Option<Result<Look, Refusal>> {
        None
    }

    /// Looks whether what it is for works, beside that all is as configured.
    fn verify(&self, _host: &Host) -> Vec<Check> {
        Vec::new()
    }
}

/// What an item is called: `samba`, or `pools/tank` where each part has its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The item.
    pub item: &'static str,
    /// The part.
    pub part: Option<String>,
}

impl Name {
    /// Returns the name of an item.
    pub fn of(item: &dyn Item) -> Self {
        Self { item: item.name(), part: item.part().map(str::to_owned) }
    }

    /// Says whether somebody who typed this means it: `pools` means all of them.
    pub fn is(&self, asked: &str) -> bool {
        asked == self.item || asked == self.to_string()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.item)?;
        self.part.iter().try_for_each(|part| write!(f, "/{part}"))
    }
}

/// An item that is not right, and for what others are not either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The item.
    pub name: Name,
    /// The first in the row of those that stand on each other.
    pub root: Name,
    /// What is wrong with that one.
    pub why: String,
}

/// What was seen of an item.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    /// What is missing, in the order in which it is to be made.
    pub changes: Vec<HostChange>,
    /// What has to be run so that it counts.
    pub settle: Option<Settle>,
    /// Why a reboot is needed, where one is.
    pub reboot: Option<String>,
    /// What is worth knowing.
    pub remarks: Vec<String>,
    /// What of it is left as it is, and why; the rest is made right.
    pub left_out: Vec<Refusal>,
}

/// Why nothing is done about an item.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{what}: {why}")]
pub struct Refusal {
    /// What it is about.
    pub what: String,
    /// Why.
    pub why: String,
    /// What to do.
    pub advice: String,
}

impl Refusal {
    /// Refuses.
    pub fn new(what: impl Into<String>, why: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into(), advice: advice.into() }
    }
}

/// Whether something works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub what: String,
    /// What is wrong with it, if something is.
    pub wrong: Option<String>,
}

impl Check {
    /// Says that something is so, or else what is wrong.
    pub fn that(what: impl Into<String>, is_so: bool, wrong: impl Into<String>) -> Self {
        Self { what: what.into(), wrong: (!is_so).then(|| wrong.into()) }
    }

    /// Takes the answer of somebody who may not know.
    pub fn of(what: impl Into<String>, found: Result<Option<String>, Refusal>) -> Self {
        let wrong = match found {
            Ok(wrong) => wrong,
            Err(refusal) => Some(refusal.to_string()),
        };
        Self { what: what.into(), wrong }
    }
}

impl Look {
    /// Returns what is missing, and nothing else.
    pub fn of(changes: Vec<HostChange>) -> Self {
        Self { changes, ..Self::default() }
    }

    /// Says what has to be run so that this text counts.
    #[must_use]
    pub fn settled_by(self, digest: String, runs: Vec<crate::change::Run>) -> Self {
        Self { settle: Some(Settle { digest, runs }), ..self }
    }
}
