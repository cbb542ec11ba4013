//! A small fleet as somebody writes it down, and what is to be there once all is as written.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

/// What all guests can have installed.
pub(crate) const FEATURES: [&str; 4] = ["base_setup", "nginx", "redis", "node_exporter"];

/// The guests by their numbers.
#[derive(Clone, Debug)]
pub(crate) struct Fleet(pub(crate) BTreeMap<u32, Guest>);

/// One guest of the file.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    pub(crate) memory: u64,
    pub(crate) features: Vec<&'static str>,
    pub(crate) parent: Option<u32>,
    pub(crate) needs: Vec<u32>,
    pub(crate) has_volume: bool,
    pub(crate) is_template: bool,
}

impl Guest {
    fn of(parent: Option<u32>, features: &[&'static str]) -> Self {
        Self {
            memory: 512,
            features: features.to_vec(),
            parent,
            needs: Vec::new(),
            has_volume: false,
            is_template: false,
        }
    }
}

impl Fleet {
    /// Returns a template, two clones of it, and one that needs both and keeps something.
    pub(crate) fn small() -> Self {
        let mut guests = BTreeMap::new();
        guests.insert(900, Guest { is_template: true, ..Guest::of(None, &["base_setup"]) });
        guests.insert(910, Guest::of(Some(900), &["nginx"]));
        guests.insert(911, Guest::of(Some(900), &["redis"]));
        let needs = vec![910, 911];
        let last = Guest { needs, has_volume: true, ..Guest::of(Some(900), &["node_exporter"]) };
        guests.insert(912, last);
        Self(guests)
    }

    /// Returns a fleet without a guest.
    pub(crate) fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Returns a template and so many clones of it.
    pub(crate) fn of(clones: u32) -> Self {
        let mut guests = BTreeMap::new();
        guests.insert(900, Guest { is_template: true, ..Guest::of(None, &["base_setup"]) });
        for nth in 0..clones {
            guests.insert(901 + nth, Guest::of(Some(900), &["nginx"]));
        }
        Self(guests)
    }

    /// Writes it where `phoenix` reads it.
    pub(crate) fn write(&self, folder: &Path) {
        let guests: Map<String, Value> =
            self.0.iter().map(|(vmid, guest)| (vmid.to_string(), guest.written(*vmid))).collect();
        let text = format!("{:#}", json!({ "lxc_configs": guests }));
        fs::write(folder.join("phoenix_lxc_configs.json"), text).unwrap();
    }

    /// Returns the numbers of all its guests.
    pub(crate) fn numbers(&self) -> Vec<u32> {
        self.0.keys().copied().collect()
    }
}

impl Guest {
    fn written(&self, vmid: u32) -> Value {
        let mut text = json!({
            "name": format!("guest-{vmid}"),
            "memory_mb": self.memory,
            "storage_pool": "tank-lxc",
            "storage_size_gb": 8,
            "features": self.features,
            "dependencies": self.needs.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "node": "pve1",
        });
        match self.parent {
            Some(parent) => text["clone_from_ctid"] = json!(parent.to_string()),
            None => text["template"] = json!("debian.tar.zst"),
        }
        if self.is_template {
            text["template_snapshot_name"] = json!("ready");
        }
        if self.has_volume {
            text["volumes"] = json!([{
                "name": "data", "pool": "tank-lxc", "size_gb": 8, "mount_point": "/var/lib/data"
            }]);
        }
        text
    }
}
