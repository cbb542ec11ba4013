//! A snapshot of a container needs a storage that can take one.

use phoenix_domain::{Seal, SnapshotName, StorageId};

use super::Rule;
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::{Guest, Scene};

static CODE: Code = code!("0514", Warning, "a snapshot on a storage that takes none");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

/// Types of storage on which the disk of a container is a plain file or volume.
const WITHOUT_SNAPSHOTS: &[&str] = &["dir", "nfs", "cifs", "lvm", "iscsi"];

fn check(scene: &Scene<'_>, findings: &Findings) {
    for guest in scene.guests.iter().filter(|guest| guest.spec.container().is_some()) {
        let Some(snapshot) = snapshot(guest) else { continue };
        for disk in guest.disks() {
            let Some(kind) = kind(scene, disk.storage) else { continue };
            if !WITHOUT_SNAPSHOTS.contains(&kind) {
                continue;
            }
            let message = format!(
                "{} should take the snapshot `{snapshot}`, but `{}` is a storage of type `{kind}`",
                guest.called(),
                disk.storage
            );
            findings.add(
                Finding::new(&CODE, guest.storage_at(&disk), message)
                    .also(guest.at("template_snapshot_name"), "the snapshot")
                    .help(
                        "put the disk into a storage of type `zfspool`, or write \
                         `\"is_template\": true` in place of the snapshot",
                    ),
            );
            break;
        }
    }
}

fn snapshot(guest: &Guest) -> Option<&SnapshotName> {
    match guest.spec.seal.as_ref()? {
        Seal::Snapshot(name) => Some(name),
        Seal::Template { snapshot } => snapshot.as_ref(),
    }
}

fn kind<'a>(scene: &'a Scene<'_>, id: &StorageId) -> Option<&'a str> {
    let ours = scene.host.storage(id).and_then(|storage| storage.kind.as_deref());
    ours.or_else(|| {
        let facts = scene.inventory?.storages.as_ref()?;
        facts.iter().find(|storage| storage.id == id.as_str())?.kind.as_deref()
    })
}
