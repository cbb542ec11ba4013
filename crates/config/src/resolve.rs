//! What a guest has that is not written in its own entry.

use phoenix_domain::{AbsolutePath, Body, Vmid, Volume, VolumeSource};
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use crate::library::Library;
use crate::raw::RawHypervisor;
use crate::scene::{Guest, Inherits, VolumeAt};

/// Returns where each id stands first.
pub(crate) fn index(guests: &[Guest]) -> FxHashMap<Vmid, usize> {
    let mut by_id = FxHashMap::with_capacity_and_hasher(guests.len(), FxBuildHasher);
    for (nth, guest) in guests.iter().enumerate() {
        by_id.entry(guest.spec.vmid).or_insert(nth);
    }
    by_id
}

/// Tells each guest which of the others it is cloned from.
pub(crate) fn parents(guests: &mut [Guest], by_id: &FxHashMap<Vmid, usize>) {
    for guest in guests {
        guest.parent = guest.spec.parent().and_then(|parent| by_id.get(&parent)).copied();
    }
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
pub(crate) fn inherited(guests: &mut [Guest], by_id: &FxHashMap<Vmid, usize>) {
    let mut settled = FxHashSet::default();
    let mut parents_first = Vec::new();
    for guest in guests.iter() {
        let Inherits { unprivileged, storage, size } = guest.inherits;
        if !(unprivileged || storage || size) {
            continue;
        }
        let mut upwards = Vec::new();
        let mut next = Some(guest.spec.vmid);
        // In a circle there is nothing to take, and a rule tells of it; it ends the way here, and
        // keeps nobody else from what is theirs.
        while let Some(vmid) = next.filter(|vmid| settled.insert(*vmid)) {
            upwards.push(vmid);
            let guest = by_id.get(&vmid).and_then(|nth| guests.get(*nth));
            next = guest.and_then(|guest| guest.spec.parent());
        }
        parents_first.extend(upwards.into_iter().rev());
    }
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

/// Turns what is set of features into what their manifests declare, where it can be read as that.
pub(crate) fn settings(guests: &mut [Guest], library: &Library) {
    for guest in guests {
        for (feature, settings) in &mut guest.spec.parameters {
            let Some(manifest) = library.feature(feature) else { continue };
            for (name, setting) in settings {
                if let Some(parameter) = manifest.parameters.get(name.as_ref()) {
                    *setting = parameter.kind.understood(setting.clone());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw::RawContainer;
    use crate::read::{self, Reading};
    use crate::{File, Place};

    fn container(vmid: u64, json: &str) -> Guest {
        let raw: RawContainer = serde_json::from_str(json).unwrap();
        let mut findings = Vec::new();
        let reading = Reading::new(Place::file(File::Lxc), &mut findings);
        read::container(Vmid::try_from(vmid).unwrap(), raw, reading).unwrap()
    }

    #[test]
    fn a_circle_keeps_no_other_guest_from_its_inheritance() {
        let mut guests = [
            container(101, r#"{"name": "a", "clone_from_ctid": 102}"#),
            container(102, r#"{"name": "b", "clone_from_ctid": 101}"#),
            container(903, r#"{"name": "c", "clone_from_ctid": 902}"#),
            container(902, r#"{"name": "d", "clone_from_ctid": 901}"#),
            container(
                901,
                r#"{"name": "e", "template": "x", "storage_pool": "tank", "storage_size_gb": 8}"#,
            ),
        ];
        let by_id = index(&guests);

        inherited(&mut guests, &by_id);

        assert_eq!(guests[2].spec.root_disk, guests[4].spec.root_disk);
    }
}
