//! `rootfs` and `mpN`: disks, volumes and directories.

use std::collections::BTreeMap;

use phoenix_domain::{AbsolutePath, Disk, GibiBytes, StorageId, Volume, VolumeName, VolumeSource};

use super::pairs;
use crate::proxmox::conf::Section;

/// One mount of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// Its index: 3 for `mp3`.
    pub(crate) index: u32,
    /// A volume id, or a path on the host.
    pub(crate) source: String,
    /// Where it is mounted, as it is written.
    pub(crate) place: String,
    /// How large it is.
    pub(crate) size: Option<GibiBytes>,
}

impl Mount {
    /// Says whether a directory or device of the host is mounted.
    pub(crate) fn is_bound(&self) -> bool {
        self.source.starts_with('/')
    }

    /// Returns the storage of its volume.
    pub(crate) fn storage(&self) -> Option<StorageId> {
        if self.is_bound() { None } else { storage_of(&self.source) }
    }

    /// Says whether it is mounted there.
    pub(crate) fn is_at(&self, place: &AbsolutePath) -> bool {
        self.place.trim_end_matches('/') == place.place().trim_end_matches('/')
    }
}

/// Returns the mounts of a container, by their index.
pub(crate) fn mounts(section: &Section) -> Vec<Mount> {
    let read = |(index, value): (u32, &str)| {
        let pairs = pairs(value, "volume");
        let text = |key| pairs.get(key).copied().unwrap_or_default().to_owned();
        let size = pairs.get("size").copied().and_then(size);
        Mount { index, source: text("volume"), place: text("mp"), size }
    };
    section.numbered("mp").into_iter().map(read).collect()
}

/// Returns the root disk; nothing where the container has none (yet).
pub(crate) fn root_disk(section: &Section) -> Option<Disk> {
    let pairs = pairs(section.get("rootfs")?, "volume");
    let storage = storage_of(pairs.get("volume")?)?;
    let size = pairs.get("size").copied().and_then(size).unwrap_or(GibiBytes(0));
    Some(Disk { storage, size })
}

/// Returns the storage of a volume id.
pub(crate) fn storage_of(volume: &str) -> Option<StorageId> {
    volume.split_once(':').and_then(|(storage, _)| storage.parse().ok())
}

/// Reads a size; what is not whole is rounded down, so that growing it makes it whole.
pub(crate) fn size(text: &str) -> Option<GibiBytes> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
    let gib = match unit {
        "T" => number * 1024.0,
        "G" => number,
        "M" => number / 1024.0,
        "K" => number / (1024.0 * 1024.0),
        "" => number / (1024.0 * 1024.0 * 1024.0),
        _ => return None,
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the number has no sign, and no disk has 2^64 GiB"
    )]
    Some(GibiBytes(gib as u64))
}

/// Returns the volumes of a container in the words of what is wanted: a host keeps no names, so one
/// that is mounted from the wanted storage at the wanted place is the wanted one.
///
/// `owner` tells who owns a directory of the host, as ids inside.
pub(crate) fn volumes(
    section: &Section,
    wanted: &[Volume],
    labels: &BTreeMap<String, VolumeName>,
    owner: impl Fn(&str) -> (Option<u32>, Option<u32>),
) -> Vec<Volume> {
    let is_wanted_elsewhere = |mount: &Mount, label: &VolumeName| {
        wanted.iter().any(|volume| match &volume.source {
            VolumeSource::Storage { name, storage, .. } => {
                name == label
                    && mount.storage().as_ref() == Some(storage)
                    && !mount.is_at(&volume.place)
            }
            VolumeSource::Host { .. } | VolumeSource::Nfs { .. } => false,
        })
    };
    let read = |mount: Mount| {
        let place: AbsolutePath = mount.place.parse().ok()?;
        let want = wanted.iter().find(|volume| mount.is_at(&volume.place));
        let place = want.map_or(place, |want| want.place.clone());
        let source = if mount.is_bound() {
            let (uid, gid) = owner(&mount.source);
            let asked = want.map(|want| &want.source);
            // An owner nobody asked for is nobody's business.
            let (owner, group) = match asked {
                Some(VolumeSource::Host { owner, group, .. }) => (owner.and(uid), group.and(gid)),
                Some(VolumeSource::Storage { .. } | VolumeSource::Nfs { .. }) | None => {
                    (None, None)
                }
            };
            VolumeSource::Host { path: mount.source.parse().ok()?, owner, group }
        } else {
            // By its label it may be wanted elsewhere. Otherwise what is mounted here is what is
            // wanted here, whatever it was called.
            let moved =
                labels.get(&mount.source).filter(|label| is_wanted_elsewhere(&mount, label));
            let name = match want.map(|want| &want.source) {
                _ if moved.is_some() => moved.cloned()?,
                Some(VolumeSource::Storage { name, .. }) => name.clone(),
                Some(VolumeSource::Host { .. } | VolumeSource::Nfs { .. }) | None => {
                    format!("mp{}", mount.index).parse().ok()?
                }
            };
            let size = mount.size.unwrap_or(GibiBytes(0));
            VolumeSource::Storage { name, storage: mount.storage()?, size }
        };
        Some(Volume { source, place })
    };
    mounts(section).into_iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_every_unit() {
        for (text, gib) in
            [("1G", 1), ("2T", 2048), ("512M", 0), ("1536M", 1), ("0T", 0), ("1.5G", 1)]
        {
            assert_eq!(size(text), Some(GibiBytes(gib)), "{text}");
        }
        assert_eq!(size("big"), None);
    }

    #[test]
    fn volumes_and_directories_are_told_apart() {
        let text = "mp0: tank:subvol-950-disk-1,mp=/data/,size=8G\nmp3: /srv/models,mp=/models,ro=1\n\
            rootfs: tank:subvol-950-disk-0,size=32G\n";
        let section = crate::proxmox::conf::Conf::read(text).main;
        let mounts = mounts(&section);
        assert_eq!(mounts.iter().map(Mount::is_bound).collect::<Vec<_>>(), [false, true]);
        assert!(mounts[0].is_at(&"/data".parse().unwrap()));
        assert_eq!(mounts[1].index, 3);
        assert_eq!(root_disk(&section).unwrap().size, GibiBytes(32));
        let volumes = volumes(&section, &[], &BTreeMap::new(), |_| (None, None));
        assert!(matches!(volumes[0].source, VolumeSource::Storage { .. }));
    }
}
