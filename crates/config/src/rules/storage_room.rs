//! The disks promised from a storage should fit into it.

use std::collections::BTreeMap;

use phoenix_domain::{GibiBytes, StorageId};

use super::{Rule, listed, not_checked, some_of};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::host::Host;
use crate::place::Place;
use crate::scene::{Guest, Scene};

static OVER_QUOTA: Code = code!("0506", Warning, "more disk is promised than a quota allows");
static OVER_TOTAL: Code = code!("0507", Warning, "more disk is promised than a storage has");

pub(super) const RULE: Rule = Rule { codes: &[&OVER_QUOTA, &OVER_TOTAL], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let mut promised: BTreeMap<&StorageId, GibiBytes> = BTreeMap::new();
    for disk in scene.guests.iter().flat_map(Guest::disks) {
        let sum = promised.entry(disk.storage).or_insert(GibiBytes(0));
        *sum = [*sum, disk.size].into_iter().sum();
    }
    let mut unchecked = Vec::new();
    for (id, sum) in promised {
        let dataset = scene.host.storage(id);
        let facts = scene.inventory.and_then(|facts| facts.storages.as_ref());
        let fact = facts.into_iter().flatten().find(|storage| storage.id == id.as_str());
        let quota = dataset.and_then(|dataset| dataset.quota).filter(|quota| quota.0 > 0);
        let total = fact.and_then(|storage| storage.total_gb).map(GibiBytes);
        match (quota, total) {
            (Some(quota), _) if sum > quota => {
                let datasets = Place::of_host("zfs").key("datasets");
                let place = match dataset {
                    Some(dataset) => datasets.index(dataset.dataset).key("properties"),
                    None => datasets,
                };
                let what = format!("whose quota is {quota}");
                let finding = too_much(scene, id, sum, &what, |message| {
                    Finding::new(&OVER_QUOTA, place, message)
                });
                findings.add(finding.help(
                    "raise the quota, or make disks smaller: ZFS gives out space as it is used, \
                     and every guest of this storage fails to write when the quota is reached",
                ));
            }
            (_, Some(total)) if sum > total => {
                let what = format!("which has {total}");
                let (_, guests) = largest(scene, id);
                let Some(first) = guests.first().map(|(guest, _)| *guest) else { continue };
                let finding = too_much(scene, id, sum, &what, |message| {
                    Finding::new(&OVER_TOTAL, first.at("storage_pool"), message)
                });
                findings.add(finding.help("make disks smaller, or move some to another storage"));
            }
            // Of a storage that nobody knows another rule tells.
            (None, None) if dataset.is_some() || fact.is_some() || Host::is_always_there(id) => {
                unchecked.push(id);
            }
            (_, _) => {}
        }
    }
    if let Some(first) = unchecked.first() {
        let (_, guests) = largest(scene, first);
        let Some((guest, _)) = guests.first() else { return };
        let names = listed(unchecked.iter().map(|id| format!("`{id}`")));
        let whether = format!("the disks fit into {names}");
        findings.add(not_checked(guest.at("storage_pool"), &whether));
    }
}

fn too_much(
    scene: &Scene<'_>,
    id: &StorageId,
    sum: GibiBytes,
    what: &str,
    finding: impl FnOnce(String) -> Finding,
) -> Finding {
    const NAMED: usize = 3;
    let (all, mut guests) = largest(scene, id);
    guests.truncate(NAMED);
    let are = if all.len() == 1 { "is" } else { "are" };
    let message =
        format!("{} {are} promised {sum} out of the storage `{id}`, {what}", some_of(&all));
    let shown = guests.iter().map(|(guest, size)| format!("{} with {size}", guest.spec.vmid));
    finding(message).help(format!("the largest: {}", listed(shown)))
}

/// Returns the guests with disks in a storage, in their order and by how much they have there.
fn largest<'a>(
    scene: &'a Scene<'_>,
    id: &StorageId,
) -> (Vec<&'a Guest>, Vec<(&'a Guest, GibiBytes)>) {
    let mut guests: Vec<_> = scene
        .guests
        .iter()
        .filter(|guest| guest.disks().any(|disk| disk.storage == id))
        .map(|guest| {
            let own = guest.disks().filter(|disk| disk.storage == id);
            (guest, own.map(|disk| disk.size).sum())
        })
        .collect();
    let all = guests.iter().map(|(guest, _)| *guest).collect();
    guests.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    (all, guests)
}
