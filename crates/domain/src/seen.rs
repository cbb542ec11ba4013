//! What a look at the host can tell.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Disk, FeatureName, GpuSet, Hostname, MebiBytes, Nic, PortMapping, SnapshotName, Volume,
};

/// How closely to look. Each one costs more than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Facets {
    /// The config of the guest and whether it runs.
    Config,
    /// Inside of it as well: receipts, services, addresses.
    Inside,
}

/// What a look at one guest told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// The guest, when there is one with this number.
    pub guest: Option<SeenGuest>,
    /// Whether the guest it is cloned from can be cloned.
    pub parent_is_sealed: bool,
}

/// Whether a guest runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// It does not.
    Stopped,
    /// It does.
    Running,
}

/// A guest as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct SeenGuest {
    /// The host name.
    pub name: Hostname,
    /// Whether it bears our mark; a guest that does not is never touched.
    pub is_ours: bool,
    /// Whether it runs.
    pub run: Run,
    /// CPU cores; absent means all.
    pub cores: Option<u32>,
    /// The limit of memory.
    pub memory: MebiBytes,
    /// The root disk; absent while the guest is half made.
    pub root_disk: Option<Disk>,
    /// The network interfaces.
    pub nics: Vec<Nic>,
    /// GPUs it can reach.
    pub gpus: GpuSet,
    /// What is mounted into it.
    pub volumes: Vec<Volume>,
    /// The snapshots there are.
    pub snapshots: BTreeSet<SnapshotName>,
    /// Whether it is a Proxmox template.
    pub is_template: bool,
    /// The digest on the receipt of each feature; empty unless the look went inside.
    pub receipts: BTreeMap<FeatureName, String>,
    /// Ports something listens on; empty unless the look went inside.
    pub listening: Vec<PortMapping>,
}
