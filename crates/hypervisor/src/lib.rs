//! Looks at a host and changes it.
//!
//! A driver only looks and obeys: what is missing on a guest is decided elsewhere, and what was
//! changed is looked at again afterwards, whatever the driver said.

mod command;
mod error;
mod idle;
mod inventory;
mod lock;
pub mod simulated;

use phoenix_domain::{Change, Facets, GuestSpec, Seen};

pub use error::HostError;
pub use idle::Idle;
pub use inventory::{Gpu, Inventory};
pub use lock::{Hand, Lock, LockError};

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

    /// Returns the command lines a change would be made with, given how the guest is before it. It
    /// asks nobody and changes nothing; a host that knows of no command lines returns none.
    fn commands(&self, _want: &GuestSpec, _before: &Seen, _change: &Change) -> Vec<String> {
        Vec::new()
    }

    /// Says what the host has.
    fn inventory(&self) -> impl Future<Output = Result<Inventory, HostError>> + Send;
}
