//! What a simulated host has, and how slow it is.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use phoenix_domain::{Change, StorageId};
use serde::{Deserialize, Serialize};

use crate::Gpu;

/// What a simulated host has, and how slow it is. Read anew for every change, so that it can be
/// edited while work goes on; what a file does not name is as by default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// CPU cores.
    pub cores: u32,
    /// Memory in MiB.
    pub memory_mb: u64,
    /// GPUs.
    pub gpus: Vec<Gpu>,
    /// Storages and how large they are, in GiB.
    pub storages: BTreeMap<String, u64>,
    /// How large a storage is that is not listed, in GiB; absent where there is no such storage.
    pub unlisted_storage_gib: Option<u64>,
    /// Archives and images guests can be made from; empty takes any name.
    pub templates: Vec<String>,
    /// How large the disk in a cloud image is, in GiB: machines begin with it, and grow.
    pub image_gib: u64,
    /// How long a change takes that is not listed, in ms.
    pub latency_ms: u64,
    /// How long changes take, by their kind, in ms.
    pub latencies_ms: BTreeMap<String, u64>,
    /// How long a change may take before it is ended, in ms.
    pub limit_ms: u64,
    /// How long a change has for cleaning up once it was told to end, in ms.
    pub grace_ms: u64,
    /// How long a change waits for a guest that another change is at, in ms.
    pub lock_wait_ms: u64,
    /// How long health is waited for, in ms.
    pub health_wait_ms: u64,
    /// Where the services of its guests listen.
    pub listen: IpAddr,
}

impl Default for Settings {
    fn default() -> Self {
        let gpu = |index| Gpu { index, model: "Simulated GPU, 24 GiB".to_owned() };
        let latencies = [("create", 40), ("install-feature", 30), ("start", 15), ("restart", 20)];
        Self {
            cores: 32,
            memory_mb: 128 * 1024,
            gpus: vec![gpu(0), gpu(1)],
            storages: [("local", 2000), ("local-lvm", 2000), ("local-zfs", 4000)]
                .map(|(name, size)| (name.to_owned(), size))
                .into(),
            unlisted_storage_gib: Some(4000),
            templates: Vec::new(),
            image_gib: 2,
            latency_ms: 5,
            latencies_ms: latencies.map(|(kind, ms)| (kind.to_owned(), ms)).into(),
            limit_ms: 600_000,
            grace_ms: 10_000,
            lock_wait_ms: 0,
            health_wait_ms: 1000,
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }
}

impl Settings {
    /// Returns the settings of a host as slow as one that can be watched, and killed in between.
    #[must_use]
    pub fn natural() -> Self {
        let latencies = [
            ("create", 2500),
            ("install-feature", 2000),
            ("start", 800),
            ("restart", 1000),
            ("stop", 600),
            ("take-snapshot", 700),
            ("run-application-script", 1500),
        ];
        let latencies_ms = latencies.map(|(kind, ms)| (kind.to_owned(), ms)).into();
        Self { latency_ms: 300, latencies_ms, ..Self::default() }
    }

    /// Returns the settings of a host on which nothing takes any time.
    pub fn instant() -> Self {
        Self { latency_ms: 0, latencies_ms: BTreeMap::new(), health_wait_ms: 0, ..Self::default() }
    }

    pub(super) fn latency(&self, change: &Change) -> Duration {
        let latency = self.latencies_ms.get(change.kind()).copied();
        Duration::from_millis(latency.unwrap_or(self.latency_ms))
    }

    pub(super) fn limit(&self) -> Duration {
        Duration::from_millis(self.limit_ms)
    }

    /// Returns how large a storage is, in GiB, if there is one of this name.
    pub(super) fn size_of(&self, storage: &StorageId) -> Option<u64> {
        self.storages.get(storage.as_str()).copied().or(self.unlisted_storage_gib)
    }
}
