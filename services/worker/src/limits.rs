//! A host on which only so much is done at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use phoenix_domain::{Change, Facets, GuestSpec, Origin, Seen, StorageId};
use phoenix_hypervisor::{Hand, HostError, Hypervisor, Inventory};
use tokio::sync::Semaphore;

/// A host on which only so many clones are made at once on one storage: more of them only make
/// each other slow.
pub(crate) struct Limited<H> {
    host: H,
    clones: usize,
    storages: Mutex<HashMap<StorageId, Arc<Semaphore>>>,
}

impl<H> Limited<H> {
    pub(crate) fn new(host: H, clones: usize) -> Self {
        Self { host, clones, storages: Mutex::default() }
    }

    fn storage(&self, id: &StorageId) -> Arc<Semaphore> {
        let mut storages = self.storages.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Semaphore::new(self.clones.max(1)));
        Arc::clone(storages.entry(id.clone()).or_insert_with(new))
    }
}

impl<H: Hypervisor> Hypervisor for Limited<H> {
    async fn look(&self, want: &GuestSpec, facets: Facets) -> Result<Seen, HostError> {
        self.host.look(want, facets).await
    }

    async fn apply(&self, want: &GuestSpec, change: &Change, hand: &Hand) -> Result<(), HostError> {
        let turn = if let Change::Create { origin: Origin::Clone { .. }, root_disk, .. } = change {
            // The semaphore is never closed, so the turn always comes.
            self.storage(&root_disk.storage).acquire_owned().await.ok()
        } else {
            None
        };
        let applied = self.host.apply(want, change, hand).await;
        drop(turn);
        applied
    }

    fn commands(&self, want: &GuestSpec, before: &Seen, change: &Change) -> Vec<String> {
        self.host.commands(want, before, change)
    }

    async fn inventory(&self) -> Result<Inventory, HostError> {
        self.host.inventory().await
    }
}
