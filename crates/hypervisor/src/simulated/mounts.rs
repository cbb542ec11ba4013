//! What is mounted into a guest of a simulated host.

use phoenix_domain::{AbsolutePath, GibiBytes, Run, Volume, VolumeSource};

use super::guest::SimulatedGuest;
use super::refusal::Refuse;
use crate::HostError;

/// Mounts a volume; one of this name that was mounted before is found again, with what is in it.
pub(super) fn attach(
    refuse: &Refuse<'_>,
    guest: &mut SimulatedGuest,
    volume: &Volume,
) -> Result<(), HostError> {
    let at = volume.place.place();
    if guest.seen.volumes.iter().any(|mounted| mounted.place.place() == at) {
        return Err(refuse.for_now(&format!("something is mounted at {at} already")));
    }
    let mut volume = volume.clone();
    let kept = guest.unused.iter().position(|kept| is_same(&kept.source, &volume.source));
    if let Some(kept) = kept.map(|nth| guest.unused.remove(nth)) {
        let had = size(&kept.source);
        if let VolumeSource::Storage { size, .. } = &mut volume.source {
            *size = (*size).max(had);
        }
    }
    guest.seen.volumes.push(volume);
    guest.seen.volumes.sort_by(|a, b| a.place.cmp(&b.place));
    Ok(())
}

/// Mounts it no longer, which a guest that runs notices when it is started anew. A volume of its own
/// is kept, and where nothing is mounted nothing is done.
pub(super) fn detach(guest: &mut SimulatedGuest, place: &AbsolutePath) {
    let at = place.place();
    let Some(nth) = guest.seen.volumes.iter().position(|volume| volume.place.place() == at) else {
        return;
    };
    let volume = guest.seen.volumes.remove(nth);
    if let VolumeSource::Storage { .. } = volume.source {
        guest.unused.push(volume);
        guest.unused.sort_by(|a, b| a.place.cmp(&b.place));
    }
    if guest.runs() {
        guest.seen.run = Run::RunningStale;
    }
}

/// Returns the volumes that stay when the guest goes: all but those that were given up.
pub(super) fn kept(guest: SimulatedGuest, given_up: &[Volume]) -> Vec<Volume> {
    let is_given_up =
        |volume: &Volume| given_up.iter().any(|gone| gone.place.place() == volume.place.place());
    let mounted = guest.seen.volumes.into_iter().filter(|volume| {
        matches!(volume.source, VolumeSource::Storage { .. }) && !is_given_up(volume)
    });
    guest.unused.into_iter().chain(mounted).collect()
}

/// Grows a volume.
pub(super) fn grow(
    refuse: &Refuse<'_>,
    guest: &mut SimulatedGuest,
    place: &AbsolutePath,
    to: GibiBytes,
) -> Result<(), HostError> {
    let mounted = guest.seen.volumes.iter_mut().find(|on| on.place.place() == place.place());
    let Some(VolumeSource::Storage { size, .. }) = mounted.map(|volume| &mut volume.source) else {
        return Err(refuse.for_now(&format!("no volume is mounted at {place}")));
    };
    if to <= *size {
        return Err(refuse.for_now(&format!("the volume has {size} already")));
    }
    *size = to;
    Ok(())
}

fn is_same(a: &VolumeSource, b: &VolumeSource) -> bool {
    match (a, b) {
        (
            VolumeSource::Storage { name: a, storage: in_a, size: _ },
            VolumeSource::Storage { name: b, storage: in_b, size: _ },
        ) => a == b && in_a == in_b,
        (
            VolumeSource::Storage { .. } | VolumeSource::Host { .. } | VolumeSource::Nfs { .. },
            _,
        ) => false,
    }
}

fn size(source: &VolumeSource) -> GibiBytes {
    match source {
        VolumeSource::Storage { size, .. } => *size,
        VolumeSource::Host { .. } | VolumeSource::Nfs { .. } => GibiBytes(0),
    }
}
