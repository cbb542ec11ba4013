//! Makes up fleets of any size that are valid, and as wordy as real ones.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Context as _, Result};

/// The file the containers are in.
pub(super) const LXC: &str = "phoenix_lxc_configs.json";

/// The number of the first container; it is the template all others come from.
const FIRST: u32 = 1000;

/// Writes the three files of a fleet and returns the size of the one with the containers.
pub(super) fn write(folder: &Path, guests: u32) -> Result<u64> {
    let cannot = || format!("cannot write a fleet to {}", folder.display());
    fs::create_dir_all(folder).with_context(cannot)?;
    fs::write(folder.join("phoenix_hypervisor_config.json"), HYPERVISOR).with_context(cannot)?;
    fs::write(folder.join("phoenix_vm_configs.json"), "{ \"vms\": [] }\n").with_context(cannot)?;

    let lxc = folder.join(LXC);
    // A guest at a time: the largest fleet is larger than what it is made with should need.
    let mut out = BufWriter::new(File::create(&lxc).with_context(cannot)?);
    containers(guests, &mut out).with_context(cannot)?;
    out.flush().with_context(cannot)?;
    Ok(fs::metadata(&lxc).with_context(cannot)?.len())
}

fn containers(guests: u32, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{{\n  \"lxc_configs\": {{")?;
    for nth in 0..guests {
        container(Guest { nth, templates: templates(guests) }, out)?;
        writeln!(out, "{}", if nth + 1 < guests { "," } else { "" })?;
    }
    writeln!(out, "  }}\n}}")
}

/// One in ten is a template, up to a hundred of them: a fleet has many guests of few kinds.
fn templates(guests: u32) -> u32 {
    (guests / 10).clamp(1, 100)
}

/// The `nth` of a fleet in which the first `templates` are templates.
#[derive(Clone, Copy)]
struct Guest {
    nth: u32,
    templates: u32,
}

impl Guest {
    fn id(self) -> u32 {
        FIRST + self.nth
    }

    fn is_template(self) -> bool {
        self.nth < self.templates
    }

    /// Templates form a tree, four below each; the others hang on all of them in turn.
    fn parent(self) -> Option<u32> {
        if self.is_template() {
            self.nth.checked_sub(1).map(|nth| FIRST + nth / 4)
        } else {
            Some(FIRST + self.nth % self.templates)
        }
    }

    /// Services come in chains of four, each needing the one before.
    fn dependency(self) -> Option<u32> {
        let place = self.nth.checked_sub(self.templates)? % 4;
        (place > 0).then(|| self.id() - 1)
    }

    fn boot_order(self) -> u32 {
        self.nth.checked_sub(self.templates).map_or(0, |nth| 1 + nth % 4)
    }

    /// Unique inside 10.0.0.0/8, and clear of the first /16, where the host and the gateway are.
    fn address(self) -> String {
        let (high, low) = (self.nth / 250, 1 + self.nth % 250);
        format!("10.{}.{}.{low}", 1 + high / 256, high % 256)
    }

    fn mac(self) -> String {
        let [_, high, middle, low] = self.nth.to_be_bytes();
        format!("52:54:00:{high:02X}:{middle:02X}:{low:02X}")
    }
}

/// Writes one container without the comma behind it.
fn container(guest: Guest, out: &mut impl Write) -> io::Result<()> {
    let id = guest.id();
    let (kind, boot) = if guest.is_template() { ("template", false) } else { ("guest", true) };
    write!(
        out,
        r#"    "{id}": {{
      "name": "{kind}-{id}",
      "start_at_boot": {boot},
      "boot_order": {order},
      "boot_delay": 5,
      "memory_mb": 2048,
      "cores": 2,
      "storage_pool": "quickOS-lxc-disks",
      "storage_size_gb": 32,
      "network_config": {{
        "name": "eth0",
        "bridge": "vmbr0",
        "ip": "{address}/8",
        "gw": "10.0.0.1"
      }},
      "mac_address": "{mac}",
      "gpu_assignment": "none",
      "portainer_role": "none",
      "unprivileged": true,
"#,
        order = guest.boot_order(),
        address = guest.address(),
        mac = guest.mac(),
    )?;
    match guest.parent() {
        Some(parent) => writeln!(out, r#"      "clone_from_ctid": "{parent}","#)?,
        None => writeln!(out, r#"      "template": "{IMAGE}","#)?,
    }
    if guest.is_template() {
        writeln!(out, r#"      "template_snapshot_name": "pre-configured","#)?;
        writeln!(out, r#"      "features": ["base_setup"],"#)?;
    } else {
        service(guest, out)?;
    }
    write!(
        out,
        r#"      "pct_options": ["nesting=1", "keyctl=1"],
      "apparmor_profile": "unconfined",
      "apparmor_manages_nesting": true
    }}"#
    )
}

/// Writes what a guest that serves has and a template has not.
fn service(guest: Guest, out: &mut impl Write) -> io::Result<()> {
    let id = guest.id();
    let dependency = guest.dependency().map(|id| format!("\"{id}\"")).unwrap_or_default();
    write!(
        out,
        r#"      "features": ["base_setup"],
      "firewall": {{
        "enabled": true,
        "rules": [
          {{ "type": "in", "action": "ACCEPT", "source": "10.0.0.153", "proto": "tcp", "port": "8000" }}
        ]
      }},
      "ports": ["8000:8000"],
      "dependencies": [{dependency}],
      "volumes": [
        {{ "name": "data_{id}", "pool": "quickOS-shared-prod-data-volumes", "size_gb": 1, "mount_point": "/data" }}
      ],
      "health_check": {{
        "command": "curl -s --fail http://localhost:8000",
        "retries": 5,
        "interval": 5
      }},
"#
    )
}

const IMAGE: &str =
    "/fastData/shared-iso/template/cache/ubuntu-24.04-standard_24.04-2_amd64.tar.zst";

/// No more than the containers refer to. No quotas: no real pool holds the largest fleet.
const HYPERVISOR: &str = r#"{
    "version": "1.0.0",
    "users": { "username": "phoenix_admin", "sudo_access": true },
    "core_paths": {
        "lxc_config_file": "phoenix_lxc_configs.json",
        "vm_config_file": "phoenix_vm_configs.json"
    },
    "timezone": "Etc/UTC",
    "network": {
        "interfaces": {
            "name": "vmbr0",
            "address": "10.0.0.13/8",
            "gateway": "10.0.0.1",
            "dns_nameservers": "10.0.0.1"
        }
    },
    "zfs": {
        "arc_max_gb": 32,
        "pools": [
            { "name": "quickOS", "raid_level": "mirror", "disks": ["/dev/disk/by-id/nvme-0", "/dev/disk/by-id/nvme-1"] }
        ],
        "datasets": [
            {
                "name": "lxc-disks",
                "pool": "quickOS",
                "properties": "recordsize=16K,compression=lz4",
                "proxmox_storage_type": "zfspool",
                "proxmox_content_type": "rootdir"
            },
            {
                "name": "shared-prod-data-volumes",
                "pool": "quickOS",
                "properties": "recordsize=128K,compression=lz4",
                "proxmox_storage_type": "zfspool",
                "proxmox_content_type": "images,rootdir"
            }
        ]
    }
}
"#;

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::net::Ipv4Addr;

    use serde_json::Value;

    use super::*;

    fn fleet(guests: u32) -> BTreeMap<u32, Value> {
        let mut text = Vec::new();
        containers(guests, &mut text).unwrap();
        let mut file: BTreeMap<String, BTreeMap<u32, Value>> =
            serde_json::from_slice(&text).unwrap();
        file.remove("lxc_configs").unwrap()
    }

    fn number(value: &Value) -> u32 {
        value.as_str().unwrap().parse().unwrap()
    }

    #[test]
    fn a_fleet_has_as_many_guests_as_were_asked_for() {
        for guests in [0, 1, 10, 1_000] {
            assert_eq!(fleet(guests).len(), usize::try_from(guests).unwrap());
        }
        serde_json::from_str::<Value>(HYPERVISOR).unwrap();
    }

    #[test]
    fn nothing_that_must_be_unique_is_there_twice() {
        let guests = 100_000;
        let all = || (0..guests).map(|nth| Guest { nth, templates: templates(guests) });

        assert_eq!(all().map(Guest::address).collect::<BTreeSet<_>>().len(), 100_000);
        assert_eq!(all().map(Guest::mac).collect::<BTreeSet<_>>().len(), 100_000);
        assert!(all().all(|guest| guest.address().parse::<Ipv4Addr>().is_ok()));
    }

    #[test]
    fn whatever_a_guest_refers_to_comes_before_it() {
        let fleet = fleet(2_000);
        for (id, guest) in &fleet {
            let parent = guest.get("clone_from_ctid").map(number);
            assert_eq!(parent.is_none(), guest.get("template").is_some(), "{id}");
            if let Some(parent) = parent {
                assert!(parent < *id && fleet[&parent].get("template_snapshot_name").is_some());
            }
            for needed in guest.get("dependencies").and_then(Value::as_array).into_iter().flatten()
            {
                let needed = number(needed);
                assert!(needed < *id);
                let order = |id| fleet[id]["boot_order"].as_u64().unwrap();
                assert!(order(&needed) < order(id));
            }
        }
    }

    #[test]
    fn a_guest_is_as_wordy_as_a_real_one() {
        let mut text = Vec::new();
        containers(1_000, &mut text).unwrap();

        assert!((1_100_000..1_500_000).contains(&text.len()), "{}", text.len());
        assert!(fleet(1_000)[&1_999].as_object().unwrap().len() >= 22);
    }
}
