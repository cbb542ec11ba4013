//! What guests of a real host stand on, and what of that is not well, as its kernel tells. No process
//! is started for that, and nobody is waited for.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use phoenix_domain::health::Facts;
use phoenix_domain::{BridgeName, GuestKey, StorageId};
use rustix::fs::statvfs;

use crate::Gpu;

/// A storage of which more than this is taken, in hundredths, is full.
const FULL: u64 = 95;
/// The flag of an interface that is up. Its state says nothing: that of a bridge nobody is at is
/// unknown.
const IS_UP: u32 = 1;

/// What guests stand on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Footing {
    pub(crate) bridges: BTreeSet<BridgeName>,
    pub(crate) storages: BTreeSet<StorageId>,
    pub(crate) gpus: BTreeSet<u8>,
    /// Guests that somebody else holds for now.
    pub(crate) busy: Vec<GuestKey>,
}

impl Footing {
    /// Returns what of it is not well. `sys` and `proc` are where the kernel tells, and storages are
    /// asked for by their driver.
    pub(crate) fn facts(
        self,
        sys: &Path,
        proc: &Path,
        is_broken: impl Fn(&StorageId) -> bool,
    ) -> Facts {
        let there: BTreeSet<_> = Gpu::of_nvidia(proc).into_iter().map(|gpu| gpu.index).collect();
        Facts {
            broken_gpus: self.gpus.difference(&there).copied().collect(),
            broken_bridges: self.bridges.into_iter().filter(|bridge| !is_up(sys, bridge)).collect(),
            broken_storages: self.storages.into_iter().filter(is_broken).collect(),
            busy: self.busy,
        }
    }
}

/// Says whether a bridge is there and up.
fn is_up(sys: &Path, bridge: &BridgeName) -> bool {
    let path = sys.join("class/net").join(bridge.as_str()).join("flags");
    let Ok(flags) = fs::read_to_string(path) else { return false };
    let digits = flags.trim().trim_start_matches("0x");
    u32::from_str_radix(digits, 16).is_ok_and(|flags| flags & IS_UP != 0)
}

/// Says whether a file system of this machine has no room any more, or is not there.
pub(crate) fn is_full(folder: &Path) -> bool {
    let Ok(seen) = statvfs(folder) else { return true };
    let used = seen.f_blocks.saturating_sub(seen.f_bfree);
    // What only root may still use is no room for anybody else.
    is_too_much(used, used.saturating_add(seen.f_bavail))
}

/// Says whether this is too much of all there is.
pub(crate) fn is_too_much(used: u64, all: u64) -> bool {
    u128::from(used) * 100 > u128::from(all) * u128::from(FULL)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_bridge_is_well_that_is_there_and_up_whatever_its_state_is() {
        let dir = TempDir::new().unwrap();
        let bridge = |name: &str, flags: &str| {
            let folder = dir.path().join("class/net").join(name);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("flags"), flags).unwrap();
            fs::write(folder.join("operstate"), "unknown\n").unwrap();
        };
        bridge("vmbr0", "0x1003\n");
        bridge("vmbr1", "0x1002\n");

        let names = ["vmbr0", "vmbr1", "vmbr2"].map(|name| name.parse().unwrap());
        let footing = Footing { bridges: names.into(), ..Footing::default() };
        let facts = footing.facts(dir.path(), dir.path(), |_| false);

        let broken: Vec<_> = facts.broken_bridges.iter().map(BridgeName::as_str).collect();
        assert_eq!(broken, ["vmbr1", "vmbr2"]);
    }

    #[test]
    fn a_gpu_is_gone_that_the_driver_does_not_know() {
        let dir = TempDir::new().unwrap();
        let card = dir.path().join("driver/nvidia/gpus/0000:01:00.0");
        fs::create_dir_all(&card).unwrap();
        fs::write(card.join("information"), "Model: \t RTX\nDevice Minor: \t 1\n").unwrap();

        let footing = Footing { gpus: [0, 1].into(), ..Footing::default() };

        assert_eq!(footing.facts(dir.path(), dir.path(), |_| false).broken_gpus, [0]);
    }

    #[test]
    fn a_storage_is_full_before_the_last_of_it_is_taken() {
        assert!(!is_too_much(0, 0) && !is_too_much(95, 100) && is_too_much(96, 100));
        assert!(is_too_much(u64::MAX, u64::MAX));
        assert!(is_full(Path::new("/nonexistent")));
    }
}
