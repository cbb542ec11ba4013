//! A host on which only so much is done at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use phoenix_domain::health::Facts;
use phoenix_domain::{Change, Facets, FileName, Foreseen, GuestSpec, Origin, Seen, StorageId};
use phoenix_hypervisor::{
    Depth, Hand, HostError, Hypervisor, Inspected, Inventory, Line, Scarce, Tested,
};

/// A host on which only so many clones are made at once on one storage: more of them only make
/// each other slow.
pub(crate) struct Limited<H> {
    host: H,
    clones: usize,
    storages: Mutex<HashMap<StorageId, Arc<Line>>>,
}

impl<H> Limited<H> {
    pub(crate) fn new(host: H, clones: usize) -> Self {
        Self { host, clones, storages: Mutex::default() }
    }

    fn storage(&self, id: &StorageId) -> Arc<Line> {
        let mut storages = self.storages.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(storages.entry(id.clone()).or_insert_with(|| Line::new(self.clones)))
    }
}

impl<H: Hypervisor> Hypervisor for Limited<H> {
    async fn look(&self, want: &GuestSpec, facets: Facets) -> Result<Seen, HostError> {
        self.host.look(want, facets).await
    }

    async fn apply(&self, want: &GuestSpec, change: &Change, hand: &Hand) -> Result<(), HostError> {
        let turn = if let Change::Create { origin: Origin::Clone { .. }, root_disk, .. } = change {
            let began = Instant::now();
            let turn = self.storage(&root_disk.storage).turn(hand).await;
            hand.has_waited(Scarce::Storage, began.elapsed());
            Some(turn)
        } else {
            None
        };
        let applied = self.host.apply(want, change, hand).await;
        drop(turn);
        applied
    }

    fn commands(&self, want: &GuestSpec, ahead: &[Foreseen]) -> Vec<Vec<String>> {
        self.host.commands(want, ahead)
    }

    async fn obstacle<'a>(
        &self,
        want: &GuestSpec,
        ahead: &'a [Foreseen],
    ) -> Option<(&'a Foreseen, HostError)> {
        self.host.obstacle(want, ahead).await
    }

    async fn test(
        &self,
        want: &GuestSpec,
        test: &FileName,
        hand: &Hand,
    ) -> Result<Tested, HostError> {
        self.host.test(want, test, hand).await
    }

    async fn inspect(
        &self,
        want: &GuestSpec,
        depth: Depth,
        hand: &Hand,
    ) -> Result<Inspected, HostError> {
        self.host.inspect(want, depth, hand).await
    }

    async fn facts(&self) -> Result<Facts, HostError> {
        self.host.facts().await
    }

    async fn inventory(&self) -> Result<Inventory, HostError> {
        self.host.inventory().await
    }
}
