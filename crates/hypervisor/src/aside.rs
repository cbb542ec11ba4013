//! Guests that were set aside: what they remember of that, and under which numbers they stand.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use phoenix_domain::{RunId, Vmid};
use serde::{Deserialize, Serialize};

use crate::HostError;

/// What a guest remembers that was set aside. It is nobody's from then on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aside {
    /// The number it had.
    pub of: Vmid,
    /// For whom it was set aside.
    pub by: RunId,
    /// When.
    pub at: DateTime<Utc>,
}

/// Returns those among these numbers that guests of this one got when they were set aside, by the runs
/// that did that.
pub(crate) fn found(
    of: Vmid,
    numbers: impl IntoIterator<Item = Vmid>,
    read: impl Fn(Vmid) -> Result<Option<Aside>, HostError>,
) -> Result<BTreeMap<RunId, Vmid>, HostError> {
    let mut found = BTreeMap::new();
    for there in numbers.into_iter().filter(|there| of.has_beside(*there)) {
        if let Some(aside) = read(there)?.filter(|aside| aside.of == of) {
            found.insert(aside.by, there);
        }
    }
    Ok(found)
}

/// Says that every number is taken that a guest could get.
pub(crate) fn nowhere(of: Vmid) -> HostError {
    let why = match (of.beside().next(), of.beside().last()) {
        (Some(first), Some(last)) => {
            format!("{first} to {last} are taken; remove guests that were set aside before")
        }
        (None, _) | (_, None) => {
            format!(
                "{of} is too large a number to have others beside it; give the guest one below 1000000"
            )
        }
    };
    HostError::Impossible { what: format!("setting {of} aside"), why }
}
