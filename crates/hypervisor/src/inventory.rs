//! What a host has.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

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

impl Inventory {
    /// Returns the versions of the kernel below this folder, and of its driver of NVIDIA.
    pub(crate) fn kernel_of(root: &Path) -> BTreeMap<String, String> {
        [("linux", "proc/sys/kernel/osrelease"), ("nvidia", "sys/module/nvidia/version")]
            .into_iter()
            .filter_map(|(name, path)| {
                let version = fs::read_to_string(root.join(path)).ok()?;
                Some((name.to_owned(), version.trim().to_owned()))
            })
            .collect()
    }
}

impl Gpu {
    /// Returns the GPUs whose driver of NVIDIA runs on the host.
    pub(crate) fn of_nvidia(proc: &Path) -> Vec<Self> {
        let Ok(cards) = fs::read_dir(proc.join("driver/nvidia/gpus")) else { return Vec::new() };
        let read = |card: fs::DirEntry| {
            let text = fs::read_to_string(card.path().join("information")).ok()?;
            let value = |key: &str| {
                let line = text.lines().find(|line| line.starts_with(key))?;
                line.split_once(':').map(|(_, value)| value.trim().to_owned())
            };
            Some(Self { index: value("Device Minor")?.parse().ok()?, model: value("Model")? })
        };
        let mut gpus: Vec<_> = cards.filter_map(Result::ok).filter_map(read).collect();
        gpus.sort_by_key(|gpu| gpu.index);
        gpus
    }
}
