//! A guest with every default filled in, and where each value comes from.

use std::collections::BTreeMap;

use phoenix_domain::{GuestSpec, Kind, Vmid, VolumeSource};
use serde_json::{Map, Value};

use crate::canonical;
use crate::load::Loaded;
use crate::place::{Aspect, File, Place, spelled};

/// A guest as it is understood.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its number.
    pub vmid: Vmid,
    /// Container or machine.
    pub kind: Kind,
    /// Its entry with one spelling and every default, in the form of its file.
    pub spec: Map<String, Value>,
    /// Where the value of each key comes from, for people.
    pub origins: BTreeMap<String, String>,
}

/// Shows a guest of a fleet; there is none where the configuration is refused.
pub fn show(loaded: &Loaded, vmid: Vmid) -> Option<Shown> {
    let guest = loaded.fleet.as_ref()?.guest(vmid)?;
    let place = loaded.place(vmid)?;
    let spec = canonical::entry(guest);
    let origins =
        spec.keys().map(|key| (key.clone(), origin(loaded, guest, &place, key))).collect();
    Some(Shown { vmid, kind: guest.kind(), spec, origins })
}

fn origin(loaded: &Loaded, guest: &GuestSpec, place: &Place, key: &str) -> String {
    // What the canonical form joins was written in any of these.
    let written: &[&str] = match key {
        "volumes" => &["volumes", "zfs_volumes"],
        "vllm_args" => &["vllm_args", "vllm_parameters", "vllm_engine_config"],
        "vllm_model" | "vllm_served_model_name" | "vllm_port" => &[key, "vllm_engine_config"],
        "pct_options" => &["pct_options", "features"],
        "template" => &["template", "template_file"],
        "network_config" if guest.kind() == Kind::Machine => &["network_config", "network_bridge"],
        key => &[key],
    };
    let mut found: Vec<_> = written.iter().filter_map(|key| loaded.written(place, key)).collect();
    if key == "mac_address" {
        found.extend(loaded.written(&place.clone().key("network_config"), "hwaddr"));
    }
    if !found.is_empty() {
        return found.join(" and ");
    }
    let is_clone_value =
        matches!(key, "storage_pool" | "storage_size_gb" | "disk_size_gb" | "unprivileged");
    if guest.kind() == Kind::Machine {
        let defaults = Place::file(File::Vm).key("vm_defaults");
        if let Some(at) = loaded.written(&defaults, key) {
            return format!("vm_defaults, {at}");
        }
    }
    match guest.parent() {
        Some(parent) if is_clone_value => format!("taken from {parent}, which it is cloned from"),
        Some(_) | None if key == "mount_points" && mounts_host(guest) => {
            format!("shared_volumes, {}", File::Hypervisor.name())
        }
        Some(_) | None => "default".to_owned(),
    }
}

fn mounts_host(guest: &GuestSpec) -> bool {
    guest.volumes.iter().any(|volume| match volume.source {
        VolumeSource::Host { .. } => true,
        VolumeSource::Storage { .. } | VolumeSource::Nfs { .. } => false,
    })
}

impl Loaded {
    /// Returns where a key below a place is written, as `file:line`, if it is.
    fn written(&self, place: &Place, key: &str) -> Option<String> {
        let whole = self.sources.span(place);
        let source = self.sources.get(place.file)?;
        spelled(key).find_map(|key| {
            let at = Place { aspect: Aspect::Key, ..place.clone().key(key.to_owned()) };
            let span = self.sources.span(&at);
            let text = source.text().get(span.clone())?;
            let is_null = self.sources.value(&place.clone().key(key.to_owned())) == Some("null");
            let is_there = span != whole && text.trim_matches('"') == key && !is_null;
            let line = 1 + source.text().get(..span.start)?.matches('\n').count();
            is_there.then(|| format!("{}:{line}", place.file.name()))
        })
    }
}
