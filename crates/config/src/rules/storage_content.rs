//! A storage holds only the kinds of content it is set up for.

use std::collections::{BTreeMap, HashMap};

use phoenix_domain::Kind;

use super::{Rule, listed, some_of};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::place::Place;
use crate::scene::{Guest, Scene};

static CODE: Code = code!("0505", Error, "a storage does not take this kind of disk");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

/// What one storage takes, and where that is written.
struct Takes<'a> {
    content: &'a [String],
    dataset: Option<usize>,
}

fn check(scene: &Scene<'_>, findings: &Findings) {
    let takes = takes(scene);
    let mut refused: BTreeMap<(&str, &str), (Place, Vec<&Guest>)> = BTreeMap::new();
    // Most guests have their disks where the one before has them.
    let mut last_good = None;
    for guest in scene.guests {
        let wanted = match guest.spec.kind() {
            Kind::Container => "rootdir",
            Kind::Machine => "images",
        };
        for disk in guest.disks() {
            if last_good == Some((disk.storage, wanted)) {
                continue;
            }
            let Some(storage) = takes.get(disk.storage.as_str()) else { continue };
            if storage.content.iter().any(|content| content == wanted) {
                last_good = Some((disk.storage, wanted));
                continue;
            }
            let place = || (guest.storage_at(&disk), Vec::new());
            let (_, guests) = refused.entry((disk.storage.as_str(), wanted)).or_insert_with(place);
            if guests.last().is_none_or(|last| last.spec.vmid != guest.spec.vmid) {
                guests.push(guest);
            }
        }
    }
    for ((id, wanted), (place, guests)) in refused {
        let Some(storage) = takes.get(id) else { continue };
        let disks = if guests.len() == 1 { "has a disk" } else { "have disks" };
        let message = format!(
            "{} {disks} in the storage `{id}`, which holds only {}",
            some_of(&guests),
            listed(storage.content)
        );
        let finding = Finding::new(&CODE, place, message).label(format!("`{wanted}` is wanted"));
        findings.add(match storage.dataset {
            Some(nth) => finding
                .also(
                    Place::of_host("zfs").key("datasets").index(nth).key("proxmox_content_type"),
                    "what it holds",
                )
                .help(format!("choose another storage, or add `{wanted}` to its content")),
            None => finding.help(format!(
                "choose another storage, or set it up for `{wanted}` (`pvesm set {id} --content …`)"
            )),
        });
    }
}

/// Returns what the storages take, as far as it is said: a dataset's own word before the inventory's.
fn takes<'a>(scene: &'a Scene<'_>) -> HashMap<&'a str, Takes<'a>> {
    let facts = scene.inventory.and_then(|facts| facts.storages.as_ref()).into_iter().flatten();
    let theirs = facts
        .map(|storage| (storage.id.as_str(), Takes { content: &storage.content, dataset: None }));
    let ours = scene.host.storages.iter().map(|storage| {
        let takes = Takes { content: &storage.content, dataset: Some(storage.dataset) };
        (storage.id.as_str(), takes)
    });
    theirs.chain(ours).filter(|(_, takes)| !takes.content.is_empty()).collect()
}
