//! Parts of a simulated host that are broken.

use phoenix_domain::health::Facts;
use phoenix_domain::{BridgeName, Property, StorageId};

use super::folder::Folder;
use super::guest::SimulatedGuest;
use crate::HostError;

const FILE: &str = "broken.json";

/// A part of a simulated host that guests stand on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A bridge: nobody reaches guests that have no other one.
    Bridge(BridgeName),
    /// A storage.
    Storage(StorageId),
    /// A GPU.
    Gpu(u8),
}

/// Returns what is broken.
pub(super) fn broken(folder: &Folder) -> Result<Facts, HostError> {
    Ok(folder.read(FILE)?.unwrap_or_default())
}

/// Breaks a part, or mends it.
pub(super) fn set(folder: &Folder, part: Part, is_broken: bool) -> Result<(), HostError> {
    let _held = folder.hold(FILE)?;
    let mut facts = broken(folder)?;
    match part {
        Part::Bridge(bridge) => put(&mut facts.broken_bridges, bridge, is_broken),
        Part::Storage(storage) => put(&mut facts.broken_storages, storage, is_broken),
        Part::Gpu(gpu) => put(&mut facts.broken_gpus, gpu, is_broken),
    }
    folder.write(FILE, &facts)
}

/// Says whether no way leads to a guest any more.
pub(super) fn is_cut_off(guest: &SimulatedGuest, facts: &Facts) -> bool {
    let nics = guest.seen.properties.iter().find_map(|property| {
        if let Property::Nics(nics) = property { Some(nics.as_slice()) } else { None }
    });
    let nics = nics.unwrap_or_default();
    !nics.is_empty() && nics.iter().all(|nic| facts.broken_bridges.contains(&nic.bridge))
}

fn put<T: Ord>(broken: &mut Vec<T>, part: T, is_broken: bool) {
    broken.retain(|known| *known != part);
    if is_broken {
        broken.push(part);
        broken.sort_unstable();
    }
}
