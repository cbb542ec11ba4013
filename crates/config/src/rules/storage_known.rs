//! A disk lies in a storage that exists.

use std::collections::{BTreeMap, HashSet};

use phoenix_domain::StorageId;

use super::{Rule, did_you_mean, listed, not_checked, some_of};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::host::Host;
use crate::place::Place;
use crate::scene::{Guest, Scene, WantedDisk};

static CODE: Code = code!("0504", Error, "a storage is not known");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let in_inventory = scene.inventory.and_then(|facts| facts.storages.as_ref());
    let ours = scene.host.storages.iter().map(|storage| storage.id.as_str());
    let theirs = in_inventory.into_iter().flatten().map(|storage| storage.id.as_str());
    let known: HashSet<&str> = ours.chain(theirs).collect();

    let mut unknown: BTreeMap<&StorageId, (Place, Vec<&Guest>)> = BTreeMap::new();
    // Most guests have their disks where the one before has them.
    let mut last_known = None;
    for guest in scene.guests {
        for disk in guest.disks().filter(|disk| is_said(guest, disk)) {
            if last_known == Some(disk.storage) {
                continue;
            }
            if known.contains(disk.storage.as_str()) || Host::is_always_there(disk.storage) {
                last_known = Some(disk.storage);
                continue;
            }
            let place = || (guest.storage_at(&disk), Vec::new());
            let (_, guests) = unknown.entry(disk.storage).or_insert_with(place);
            if guests.last().is_none_or(|last| last.spec.vmid != guest.spec.vmid) {
                guests.push(guest);
            }
        }
    }

    if known.is_empty() && in_inventory.is_none() {
        let names = listed(unknown.keys().map(|id| format!("`{id}`")));
        if let Some((place, _)) = unknown.into_values().next() {
            findings.add(not_checked(place, &format!("the storages exist: {names}")));
        }
        return;
    }
    for (id, (place, guests)) in unknown {
        let disks = if guests.len() == 1 { "has a disk" } else { "have disks" };
        let message =
            format!("{} {disks} in the storage `{id}`, which is not known", some_of(&guests));
        let finding = Finding::new(&CODE, place, message);
        let mut all: Vec<_> = known.iter().copied().collect();
        all.sort_unstable();
        findings.add(match did_you_mean(id.as_str(), all.iter().copied()) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding.help(format!(
                "declare a dataset for it in `zfs.datasets` or name it in `inventory.json`; known are {}",
                listed(all)
            )),
        });
    }
}

/// Says whether the guest itself names the storage of this disk.
fn is_said(guest: &Guest, disk: &WantedDisk<'_>) -> bool {
    disk.volume.is_some() || !guest.inherits.storage
}
