//! What a host has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a host has; published for people and for the checks of a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// What kind of host it is: `simulated`, `lxc`, `proxmox`.
    pub driver: String,
    /// CPU cores.
    pub cores: u32,
    /// Memory in MiB.
    pub memory_mb: u64,
    /// GPUs.
    pub gpus: Vec<Gpu>,
    /// Storages and what is free on them, in GiB.
    pub storages: BTreeMap<String, u64>,
    /// Archives and images guests can be made from; empty where any name is taken.
    pub templates: Vec<String>,
    /// Tools and their versions.
    pub tools: BTreeMap<String, String>,
}

/// A GPU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gpu {
    /// Its index.
    pub index: u8,
    /// What it is.
    pub model: String,
}
