//! Facts of a host that no config can know: how much memory, which GPUs, which archives.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The facts of one host. Where they are not given, rules that need them say that they did not run.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[schemars(title = "inventory.json")]
pub struct Inventory {
    /// Where the schema of this file is; for editors.
    #[serde(rename = "$schema", default)]
    pub schema: Option<String>,
    /// The node.
    #[serde(default)]
    pub node: Option<String>,
    /// Memory in MiB.
    #[serde(default)]
    pub memory_mb: Option<u64>,
    /// CPU cores.
    #[serde(default)]
    pub cores: Option<u32>,
    /// The GPUs; an empty list means that there are none.
    #[serde(default)]
    pub gpus: Option<Vec<Gpu>>,
    /// The storages.
    #[serde(default)]
    pub storages: Option<Vec<Storage>>,
    /// Bridges and VNets that guests can be connected to.
    #[serde(default)]
    pub bridges: Option<Vec<String>>,
    /// File names of the archives containers can be made from.
    #[serde(default)]
    pub templates: Option<Vec<String>>,
    /// File names of the cloud images machines can be made from.
    #[serde(default)]
    pub images: Option<Vec<String>>,
    /// Versions of the tools of the host.
    #[serde(default)]
    pub tools: Option<std::collections::BTreeMap<String, String>>,
}

/// A GPU of the host.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Gpu {
    /// Its index.
    pub index: u8,
    /// What it is.
    #[serde(default)]
    pub model: Option<String>,
    /// Its memory in MiB.
    #[serde(default)]
    pub vram_mb: Option<u64>,
}

/// A storage of the host.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Storage {
    /// Its id.
    pub id: String,
    /// Its type: `zfspool`, `dir`, `lvmthin`, …
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    /// What it may hold.
    #[serde(default)]
    pub content: Vec<String>,
    /// Its size in GiB.
    #[serde(default)]
    pub total_gb: Option<u64>,
    /// What of it is free, in GiB.
    #[serde(default)]
    pub free_gb: Option<u64>,
}
