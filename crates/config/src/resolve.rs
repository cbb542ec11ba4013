//! What a guest has that is not written in its own entry.

use std::collections::HashMap;

use phoenix_domain::{AbsolutePath, Body, Vmid, Volume, VolumeSource, order};

use crate::raw::RawHypervisor;
use crate::scene::{Guest, VolumeAt};

/// Returns where each id stands first.
pub(crate) fn index(guests: &[Guest]) -> HashMap<Vmid, usize> {
    let mut by_id = HashMap::with_capacity(guests.len());
    for (nth, guest) in guests.iter().enumerate() {
        by_id.entry(guest.spec.vmid).or_insert(nth);
    }
    by_id
}

/// Mounts the directories of the host that several containers share.
pub(crate) fn shared_volumes(guests: &mut [Guest], hypervisor: &RawHypervisor) {
    if hypervisor.shared_volumes.is_none() {
        return;
    }
    let by_id = index(guests);
    for (name, shared) in hypervisor.shared_volumes.iter().flatten() {
        let Some(path) = shared.host_path.as_ref().and_then(|path| path.parse().ok()) else {
            continue;
        };
        let path: AbsolutePath = path;
        for (mount, place) in shared.mounts.iter().flatten() {
            let guest = mount.parse().ok().and_then(|vmid: Vmid| by_id.get(&vmid));
            let Some(guest) = guest.and_then(|nth| guests.get_mut(*nth)) else { continue };
            let Ok(place) = place.parse() else { continue };
            let source = VolumeSource::Host { path: path.clone(), owner: None, group: None };
            guest.spec.volumes.push(Volume { source, place });
            guest.volumes_at.push(VolumeAt::Shared { name: name.clone(), mount: mount.clone() });
        }
    }
}

/// Gives clones what they take from their parents because they do not say.
pub(crate) fn inherited(guests: &mut [Guest], by_id: &HashMap<Vmid, usize>) {
    let heirs: Vec<_> = guests
        .iter()
        .filter(|guest| {
            let inherits = guest.inherits;
            inherits.unprivileged || inherits.storage || inherits.size
        })
        .map(|guest| guest.spec.vmid)
        .collect();
    let parent = |vmid: Vmid| {
        by_id
            .get(&vmid)
            .and_then(|nth| guests.get(*nth))
            .and_then(|guest| guest.spec.parent())
            .into_iter()
    };
    // In a circle there is nothing to take; a rule tells of it.
    let Ok(parents_first) = order(heirs, parent) else { return };
    for vmid in parents_first {
        let Some(nth) = by_id.get(&vmid).copied() else { continue };
        let above = guests.get(nth).and_then(|guest| guest.spec.parent());
        let above = above.and_then(|above| by_id.get(&above)).and_then(|nth| guests.get(*nth));
        let Some(above) = above else { continue };
        let disk = above.spec.root_disk.clone();
        let unprivileged = above.spec.container().map(|container| container.unprivileged);
        let Some(guest) = guests.get_mut(nth) else { continue };
        if guest.inherits.storage {
            guest.spec.root_disk.storage = disk.storage;
        }
        if guest.inherits.size {
            guest.spec.root_disk.size = disk.size;
        }
        if let (true, Some(unprivileged), Body::Container(container)) =
            (guest.inherits.unprivileged, unprivileged, &mut guest.spec.body)
        {
            container.unprivileged = unprivileged;
        }
    }
}
