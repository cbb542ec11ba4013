//! Looks at a host and changes it.
//!
//! A driver only looks and obeys: what is missing on a guest is decided elsewhere, and what was
//! changed is looked at again afterwards, whatever the driver said.

pub mod agent;
mod aside;
mod command;
mod directory;
mod ear;
mod error;
mod footing;
mod gateway;
mod holder;
mod idle;
mod inside;
mod inventory;
mod kernel;
mod kit;
mod library;
mod line;
mod lock;
pub mod lxc;
pub mod proxmox;
mod recipe;
mod repair;
pub mod seed;
pub mod simulated;
mod vault;
mod veil;
mod waits;

use std::collections::BTreeMap;

use phoenix_domain::health::{Docker, Facts, Process};
use phoenix_domain::{Change, Facets, FeatureName, FileName, Foreseen, GuestSpec, Seen};

pub use aside::Aside;
pub use ear::Ear;
pub use error::HostError;
pub use holder::Warden;
pub use idle::Idle;
pub use inventory::{Gpu, Inventory};
pub use library::Library;
pub use line::{Line, Place};
pub use lock::{Hand, Lock, LockError};
pub use vault::{Kept, NotGiven, Opening, Vault};
pub use waits::{Patience, Scarce};

/// How a test went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tested {
    /// Whether it passed.
    pub passed: bool,
    /// The end of what it printed.
    pub output: String,
}

/// How closely a guest is inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Whether what serves is running.
    Processes,
    /// Whether what it offers passes its checks as well.
    Checks,
}

/// How a guest does, seen from within.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspected {
    /// Whether it runs.
    pub is_running: bool,
    /// What runs what its features serve.
    pub processes: BTreeMap<FeatureName, Process>,
    /// What a check of it says is wrong; absent where all pass, or none was made.
    pub ailing: Option<String>,
    /// Where its services answer, where that is not at its own address.
    pub elsewhere: BTreeMap<FeatureName, String>,
    /// What Docker says in it, where a probe of it wants to know.
    pub docker: Docker,
}

/// A host with guests on it.
pub trait Hypervisor: Send + Sync {
    /// Looks at a guest and at what it is cloned from. Looking changes nothing and is cheap.
    fn look(
        &self,
        want: &GuestSpec,
        facets: Facets,
    ) -> impl Future<Output = Result<Seen, HostError>> + Send;

    /// Makes one change. Every process it starts inherits the locks in `hand`, so that a change
    /// that outlives us keeps others away from its guest.
    fn apply(
        &self,
        want: &GuestSpec,
        change: &Change,
        hand: &Hand,
    ) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Returns what each of these changes comes to on the host, as people would type it. Nothing is
    /// done for that; a host whose changes are no commands has none to show.
    fn commands(&self, _want: &GuestSpec, ahead: &[Foreseen]) -> Vec<Vec<String>> {
        vec![Vec::new(); ahead.len()]
    }

    /// Returns the first of these changes that is known to fail, and why: what is missing on the host.
    fn obstacle<'a>(
        &self,
        _want: &GuestSpec,
        _ahead: &'a [Foreseen],
    ) -> impl Future<Output = Option<(&'a Foreseen, HostError)>> + Send {
        std::future::ready(None)
    }

    /// Runs a test inside of a guest that runs. A host whose guests have no inside has none.
    fn test(
        &self,
        want: &GuestSpec,
        test: &FileName,
        _hand: &Hand,
    ) -> impl Future<Output = Result<Tested, HostError>> + Send {
        std::future::ready(Err(HostError::Impossible {
            what: format!("the test {test} in {}", want.vmid),
            why: "nothing can be run in guests of this host".to_owned(),
        }))
    }

    /// Looks once at how a guest does, from within. Nothing is changed or waited for.
    fn inspect(
        &self,
        want: &GuestSpec,
        _depth: Depth,
        _hand: &Hand,
    ) -> impl Future<Output = Result<Inspected, HostError>> + Send {
        std::future::ready(Err(HostError::Impossible {
            what: format!("looking into {}", want.vmid),
            why: "the guests of this host have no inside".to_owned(),
        }))
    }

    /// Says what of the host is not well that guests of ours stand on. It is asked every few seconds,
    /// so it starts no process and waits for nobody.
    fn facts(&self) -> impl Future<Output = Result<Facts, HostError>> + Send;

    /// Says what the host has.
    fn inventory(&self) -> impl Future<Output = Result<Inventory, HostError>> + Send;
}
