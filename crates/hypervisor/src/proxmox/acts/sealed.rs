//! What others can be cloned from.

use phoenix_domain::SpecDigest;

use crate::proxmox::conf::{Conf, Section};
use crate::proxmox::mark;

/// What others can be cloned from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::proxmox) enum Sealed {
    Template,
    Snapshot(String),
}

/// Returns what others can be cloned from, if there is something.
pub(in crate::proxmox) fn sealed(conf: &Conf) -> Option<Sealed> {
    if conf.main.is("template") {
        return Some(Sealed::Template);
    }
    let mut made_for_it =
        conf.snapshots.iter().filter(|(_, section)| snapshot_contents(section).is_some());
    made_for_it.next().map(|(name, _)| Sealed::Snapshot(name.clone()))
}

/// Returns what clones find in a snapshot; nothing where it was not made for that, or not finished.
pub(in crate::proxmox) fn snapshot_contents(section: &Section) -> Option<SpecDigest> {
    mark::contents(section).filter(|_| is_whole(section))
}

/// Says whether the taking of a snapshot came to its end.
pub(in crate::proxmox) fn is_whole(section: &Section) -> bool {
    section.get("snapstate").is_none()
}
