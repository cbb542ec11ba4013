//! Three hundred guests that cost next to nothing, in rows of three: each waits for the one before it, which is on
//! the other host.

use std::fs;
use std::ops::Range;
use std::path::Path;

use phoenix_domain::GuestKey;
use serde_json::{Map, Value, json};

use crate::survive::site::lxc;

/// The hosts.
pub(super) const HOSTS: [&str; 2] = ["pve1", "pve2"];
/// All guests.
pub(super) const ALL: Range<u64> = 1000..1300;
/// Those that are asked for while something is wrong: the last rows.
pub(super) const LATE: Range<u64> = 1240..1300;
const ROW: u64 = 3;

/// Returns the host of a guest.
pub(super) fn host(guest: u64) -> &'static str {
    if guest.is_multiple_of(2) { HOSTS[0] } else { HOSTS[1] }
}

/// Returns the guests of the fleet.
pub(super) fn guests() -> Vec<GuestKey> {
    ALL.map(lxc).collect()
}

/// Writes the configuration of the fleet.
pub(super) fn write(folder: &Path) {
    let guests: Map<String, Value> =
        ALL.map(|guest| (guest.to_string(), guest_of(guest))).collect();
    let text = json!({ "lxc_configs": guests }).to_string();
    fs::write(folder.join("phoenix_lxc_configs.json"), text).unwrap();
}

fn guest_of(guest: u64) -> Value {
    let is_first = (guest - ALL.start).is_multiple_of(ROW);
    let before: Vec<_> = (!is_first).then(|| (guest - 1).to_string()).into_iter().collect();
    json!({
        "name": format!("guest-{guest}"),
        "template": "debian.tar.zst",
        "storage_pool": "tank-lxc",
        "storage_size_gb": 1,
        "memory_mb": 64,
        "node": host(guest),
        "dependencies": before,
    })
}
