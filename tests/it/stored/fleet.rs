//! A small fleet with every kind of story, and where what it has stored lies.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::program::repository;
use crate::verbs::site::Site;

/// What each guest stands for.
pub(super) const STORIES: [(u64, &str); 11] = [
    (900, "base"),
    (950, "complete"),
    (951, "repaired"),
    (952, "gone-back"),
    (953, "brought"),
    (954, "dead"),
    (955, "deleted"),
    (956, "drifted"),
    (957, "unfinished"),
    (958, "waiting"),
    (959, "cancelled"),
];

/// Returns the folder of what a version has stored.
pub(super) fn stored(version: &str) -> PathBuf {
    repository("tests/contract/stored").join(version)
}

/// Writes the configuration of the fleet; 952 has this memory.
pub(super) fn write(site: &Site, memory: u32) {
    let folder = site.folder();
    let host = repository("tests/fixtures/rules/host.json");
    fs::copy(host, folder.join("phoenix_hypervisor_config.json")).unwrap();
    let mut guests: BTreeMap<String, Value> = STORIES
        .iter()
        .map(|(vmid, name)| {
            let guest = json!({
                "name": name, "clone_from_ctid": "900", "storage_pool": "tank-lxc",
                "storage_size_gb": 8, "node": "pve1",
            });
            (vmid.to_string(), guest)
        })
        .collect();
    let mut say = |vmid: u64, more: Value| {
        let guest = guests.get_mut(&vmid.to_string()).unwrap().as_object_mut().unwrap();
        guest.extend(more.as_object().unwrap().clone());
    };
    say(900, json!({ "template": "debian.tar.zst", "template_snapshot_name": "ready" }));
    say(
        950,
        json!({ "volumes": [
        { "name": "data", "pool": "tank-lxc", "size_gb": 2, "mount_point": "/var/lib/data" },
    ] }),
    );
    say(951, json!({ "features": ["nginx"] }));
    say(952, json!({ "memory_mb": memory }));
    say(953, json!({ "application_script": "web.sh" }));
    say(958, json!({ "dependencies": ["957"] }));
    guests.get_mut("900").unwrap().as_object_mut().unwrap().remove("clone_from_ctid");
    let text = json!({ "lxc_configs": guests }).to_string();
    fs::write(folder.join("phoenix_lxc_configs.json"), text).unwrap();
    fs::create_dir_all(folder.join("scripts")).unwrap();
    fs::write(folder.join("scripts/web.sh"), "#!/bin/sh\necho web\n").unwrap();
}

/// Returns the files of a folder and of those in it, as text.
pub(super) fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(inner).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                all.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    all
}

/// Writes files into a folder.
pub(super) fn write_files(folder: &Path, files: &BTreeMap<String, String>) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}
