//! The fleet that all contenders make: for Phoenix as three files, for the others as calls of `pct`.

use std::fs;
use std::path::Path;

use phoenix_testkit::pve::ARCHIVE;
use serde_json::{Map, Value, json};

/// The number of the first guest.
const FIRST: u32 = 1000;

/// Returns the numbers of so many guests.
pub(crate) fn numbers(guests: u32) -> impl Iterator<Item = u32> {
    FIRST..FIRST + guests
}

/// Writes what Phoenix reads.
pub(crate) fn write(folder: &Path, guests: u32) {
    let host = json!({
        "version": "1.0.0",
        "users": { "username": "phoenix_admin", "sudo_access": true },
        "core_paths": { "lxc_config_file": "phoenix_lxc_configs.json" },
        "timezone": "Etc/UTC",
        "network": { "interfaces": {
            "name": "vmbr0", "address": "10.0.0.13/8", "gateway": "10.0.0.1",
            "dns_nameservers": "10.0.0.1",
        } },
        "zfs": {
            "arc_max_gb": 32,
            "pools": [{
                "name": "fast", "raid_level": "mirror",
                "disks": ["/dev/disk/by-id/nvme-0", "/dev/disk/by-id/nvme-1"],
            }],
            "datasets": [{
                "name": "disks", "pool": "fast", "properties": "recordsize=16K",
                "proxmox_storage_type": "zfspool", "proxmox_content_type": "images,rootdir",
            }],
        },
    });
    let guests: Map<String, Value> = numbers(guests)
        .map(|number| {
            let guest = json!({
                "name": format!("guest-{number}"),
                "start_at_boot": true,
                "boot_order": 1,
                "boot_delay": 5,
                "memory_mb": 1024,
                "cores": 2,
                "storage_pool": "fast-disks",
                "storage_size_gb": 8,
                "network_config": {
                    "name": "eth0", "bridge": "vmbr0", "ip": address(number), "gw": "10.0.0.1",
                },
                "mac_address": mac(number),
                "gpu_assignment": "none",
                "portainer_role": "none",
                "unprivileged": true,
                "template": ARCHIVE,
                "features": ["base_setup"],
                "application_script": "application.sh",
                "volumes": [{
                    "name": format!("data_{number}"), "pool": "fast-disks", "size_gb": 1,
                    "mount_point": "/data",
                }],
                "pct_options": ["nesting=1"],
            });
            (number.to_string(), guest)
        })
        .collect();
    let write = |name: &str, value: &Value| {
        fs::write(folder.join(name), value.to_string()).unwrap();
    };
    write("phoenix_hypervisor_config.json", &host);
    write("phoenix_lxc_configs.json", &json!({ "lxc_configs": guests }));
}

/// Returns the nine calls of `pct` that a script makes of one guest what the files say.
pub(super) fn calls(number: u32) -> [Vec<String>; 9] {
    let id = number.to_string();
    let feature = "mkdir -p /opt && echo base_setup >> /opt/installed";
    let application = "echo application >> /opt/installed";
    let net = format!(
        "name=eth0,bridge=vmbr0,hwaddr={},ip={},gw=10.0.0.1,type=veth",
        mac(number),
        address(number)
    );
    let hostname = format!("guest-{number}");
    [
        vec![
            "create",
            &id,
            ARCHIVE,
            "--rootfs",
            "fast-disks:8",
            "--hostname",
            &hostname,
            "--unprivileged",
            "1",
        ],
        vec!["set", &id, "--memory", "1024", "--cores", "2"],
        vec!["set", &id, "--net0", &net],
        vec!["set", &id, "--mp0", "fast-disks:1,mp=/data"],
        vec!["set", &id, "--features", "nesting=1"],
        vec!["set", &id, "--onboot", "1", "--startup", "order=1,up=5"],
        vec!["start", &id],
        vec!["exec", &id, "--", "sh", "-c", feature],
        vec!["exec", &id, "--", "sh", "-c", application],
    ]
    .map(|words| words.into_iter().map(str::to_owned).collect())
}

fn address(number: u32) -> String {
    let (high, low) = (number / 250, 1 + number % 250);
    format!("10.{}.{}.{low}/8", 1 + high / 256, high % 256)
}

fn mac(number: u32) -> String {
    let [_, high, middle, low] = number.to_be_bytes();
    format!("52:54:00:{high:02X}:{middle:02X}:{low:02X}")
}
