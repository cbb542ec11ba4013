//! A host whose changes cost nothing, for measuring everything else. It forgets all when it ends.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use phoenix_domain::health::Facts;
use phoenix_domain::{
    BootId, Change, Facets, GuestSpec, Origin, Seen, SeenGuest, SeenParent, Vmid,
};

use crate::{Hand, HostError, Hypervisor, Inventory};

/// A host in memory that does as it is told, at once.
#[derive(Debug, Default)]
pub struct Idle {
    guests: Mutex<BTreeMap<Vmid, SeenGuest>>,
    /// How often a guest was started anew.
    boots: AtomicU64,
}

impl Hypervisor for Idle {
    async fn look(&self, want: &GuestSpec, _facets: Facets) -> Result<Seen, HostError> {
        Ok(self.seen(want))
    }

    async fn apply(&self, want: &GuestSpec, change: &Change, _: &Hand) -> Result<(), HostError> {
        let mut after = self.seen(want).after(want, change);
        if let (Change::Restart, Some(guest)) = (change, &mut after.guest) {
            let boots = self.boots.fetch_add(1, Ordering::Relaxed);
            guest.boot = Some(BootId::new(boots.to_string()));
        }
        let mut guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        match after.guest {
            Some(guest) => guests.insert(want.vmid, guest),
            None => guests.remove(&want.vmid),
        };
        Ok(())
    }

    async fn facts(&self) -> Result<Facts, HostError> {
        Ok(Facts::default())
    }

    async fn inventory(&self) -> Result<Inventory, HostError> {
        Ok(Inventory { driver: "idle".to_owned(), ..Inventory::default() })
    }
}

impl Idle {
    fn seen(&self, want: &GuestSpec) -> Seen {
        let guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        let is_sealed = |parent: &Vmid| {
            guests.get(parent).is_some_and(|guest| {
                guest.template.is_some() || guest.snapshots.values().any(Option::is_some)
            })
        };
        let parent = match &want.origin {
            Origin::Clone { parent } if is_sealed(parent) => SeenParent::Ready,
            Origin::Clone { .. } | Origin::Template { .. } | Origin::CloudImage { .. } => {
                SeenParent::NotReady
            }
        };
        Seen { guest: guests.get(&want.vmid).cloned(), parent, ..Seen::default() }
    }
}
