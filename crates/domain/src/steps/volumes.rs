//! Mounts what should be mounted, and nothing else. No volume is ever destroyed.

use std::cmp::Ordering;

use crate::{
    Change, GibiBytes, GuestSpec, Phase, Plan, Refusal, Run, Seen, Step, StepName, Volume,
    VolumeSource,
};

/// Mounts volumes and directories into a container. It concerns those that want none as well: what
/// they had before, or have from a parent, goes.
pub(super) struct Volumes;

impl Step for Volumes {
    fn name(&self) -> StepName {
        StepName::ApplyVolumes
    }

    fn reaches(&self) -> Phase {
        Phase::Configured
    }

    fn plan(&self, want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        Ok(differences(want, seen)?.into_iter().collect())
    }
}

/// Returns what has to be detached, attached and grown.
pub(super) fn differences(want: &GuestSpec, seen: &Seen) -> Result<Vec<Change>, Refusal> {
    let have = &seen.guest()?.volumes;
    let at = |volumes: &[Volume], place: &str| {
        volumes.iter().find(|volume| volume.place.place() == place).cloned()
    };
    let mut changes = Vec::new();
    // Mounted twice, a file system of its own is destroyed; so a guest whose volume moves stands still.
    if seen.guest()?.run != Run::Stopped
        && want.volumes.iter().any(|one| moved(have, one).is_some())
    {
        changes.push(Change::Stop);
    }
    for mounted in have {
        let wanted = at(&want.volumes, mounted.place.place());
        if wanted.is_none_or(|wanted| !is_mount_of(&wanted.source, &mounted.source)) {
            changes.push(Change::Detach { place: mounted.place.clone() });
        }
    }
    for wanted in want.volumes.iter().filter(|volume| is_attached(volume)) {
        // A directory whose owner is another is not unmounted for that, only given away.
        let mounted = at(have, wanted.place.place())
            .filter(|mounted| is_same_volume(&wanted.source, &mounted.source));
        let is_mounted = mounted.is_some();
        let Some(mounted) =
            mounted.clone().or_else(|| moved(have, wanted)).or_else(|| kept(seen, wanted))
        else {
            changes.push(Change::Attach { volume: wanted.clone() });
            continue;
        };
        if !is_mounted {
            changes.push(Change::Attach { volume: wanted.clone() });
        }
        let (Some(to), Some(from)) = (size(wanted), size(&mounted)) else { continue };
        match to.cmp(&from) {
            Ordering::Equal => {}
            Ordering::Greater => {
                changes.push(Change::GrowVolume { place: wanted.place.clone(), to });
            }
            Ordering::Less => {
                return Err(Refusal::WouldShrink {
                    what: format!("the volume at {}", wanted.place),
                    have: from,
                    want: to,
                });
            }
        }
    }
    Ok(changes)
}

/// Returns the volume that is wanted here and mounted elsewhere: it is known by its name.
fn moved(have: &[Volume], wanted: &Volume) -> Option<Volume> {
    let is_it = |mounted: &&Volume| {
        mounted.place.place() != wanted.place.place()
            && matches!(wanted.source, VolumeSource::Storage { .. })
            && is_same_volume(&wanted.source, &mounted.source)
    };
    have.iter().find(is_it).cloned()
}

/// Returns the volume that will be found again when this one is attached.
fn kept(seen: &Seen, wanted: &Volume) -> Option<Volume> {
    let VolumeSource::Storage { name, storage, .. } = &wanted.source else { return None };
    let is_it = |kept: &&Volume| match &kept.source {
        VolumeSource::Storage { name: of, storage: on, .. } => {
            on == storage && (kept.place.place() == wanted.place.place() || of == name)
        }
        VolumeSource::Host { .. } | VolumeSource::Nfs { .. } => false,
    };
    seen.kept.iter().find(is_it).cloned()
}

/// Says whether the host mounts it; a machine mounts what NFS exports by itself, once it runs.
fn is_attached(volume: &Volume) -> bool {
    match volume.source {
        VolumeSource::Storage { .. } | VolumeSource::Host { .. } => true,
        VolumeSource::Nfs { .. } => false,
    }
}

/// Says whether the same thing is mounted, whoever owns it.
fn is_mount_of(a: &VolumeSource, b: &VolumeSource) -> bool {
    match (a, b) {
        (VolumeSource::Host { path: a, .. }, VolumeSource::Host { path: b, .. }) => a == b,
        (a, b) => is_same_volume(a, b),
    }
}

/// Says whether both are the same volume, whatever its size.
fn is_same_volume(a: &VolumeSource, b: &VolumeSource) -> bool {
    use VolumeSource::{Host, Nfs, Storage};
    match (a, b) {
        (
            Storage { name: a, storage: in_a, size: _ },
            Storage { name: b, storage: in_b, size: _ },
        ) => a == b && in_a == in_b,
        (Host { .. }, Host { .. }) | (Nfs { .. }, Nfs { .. }) => a == b,
        (Storage { .. } | Host { .. } | Nfs { .. }, _) => false,
    }
}

fn size(volume: &Volume) -> Option<GibiBytes> {
    match volume.source {
        VolumeSource::Storage { size, .. } => Some(size),
        VolumeSource::Host { .. } | VolumeSource::Nfs { .. } => None,
    }
}
