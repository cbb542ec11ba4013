//! What can be done with a volume on which kind of storage.

use super::{Kind, Volume};

/// Something that only some storages can.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Feature {
    Snapshot,
    /// A linked clone, of a container.
    Clone,
    Template,
}

/// Whether a volume, or a snapshot of it, has a feature.
pub(crate) fn has(volume: &Volume, feature: Feature, of_snapshot: bool) -> bool {
    let is_current = !of_snapshot && !volume.is_base;
    match (volume.storage.kind, feature) {
        (Kind::Dir | Kind::Nfs, Feature::Snapshot) => volume.format == "qcow2" && !volume.is_base,
        // A clone would be a file that no container can mount.
        (Kind::Dir | Kind::Nfs | Kind::Lvm, Feature::Clone)
        | (Kind::Lvm, Feature::Snapshot | Feature::Template) => false,
        (
            Kind::Dir | Kind::Nfs | Kind::Btrfs | Kind::ZfsPool | Kind::LvmThin,
            Feature::Template,
        )
        | (Kind::LvmThin, Feature::Snapshot) => is_current,
        (Kind::Btrfs | Kind::ZfsPool, Feature::Snapshot) => of_snapshot || !volume.is_base,
        (Kind::Btrfs, Feature::Clone) => volume.format == "raw" || volume.is_base,
        (Kind::ZfsPool, Feature::Clone) => !of_snapshot && volume.is_base,
        (Kind::LvmThin, Feature::Clone) => of_snapshot || volume.is_base,
    }
}
