//! The volumes of a container: mounted, grown, and found again after they were taken away.

use phoenix_domain::{AbsolutePath, Change, GibiBytes, GuestSpec, Volume, VolumeSource};

use crate::proxmox::acts::Edit;
use crate::proxmox::conf::Conf;
use crate::proxmox::notes::{Kept, Labels, Task};
use crate::proxmox::words::mount::{mounts, root_disk, storage_of};
use crate::proxmox::{Proxmox, edit};
use crate::{Hand, HostError};

impl Proxmox {
    pub(super) async fn attach(
        &self,
        want: &GuestSpec,
        conf: &Conf,
        change: &Change,
        hand: &Hand,
    ) -> Result<(), HostError> {
        let Change::Attach { volume } = change else { return Ok(()) };
        let kept = self.notes.kept(want.vmid)?;
        let ground = self.ground(want, conf, None, &kept)?;
        let used = ground.kept_for(volume).map(|kept| kept.id.clone());
        if let (None, VolumeSource::Storage { storage, .. }) = (&used, &volume.source) {
            let storages = std::slice::from_ref(storage);
            self.notes.begin(Task::Attaching, want.vmid, storages)?;
        }
        self.do_all(want, conf, &ground.acts(change), hand).await?;
        let is_mounted = |used: &String| -> Result<bool, HostError> {
            let mounted = self.conf(want.into())?.map(|conf| mounts(&conf.settled()));
            Ok(mounted.iter().flatten().any(|mount| mount.source == *used))
        };
        // It is forgotten only once it is seen to be mounted: else the next try would make a new one.
        if let Some(used) = used
            && is_mounted(&used)?
        {
            let left: Vec<_> = kept.iter().filter(|kept| kept.id != used).cloned().collect();
            self.notes.keep(want.vmid, &left)?;
        }
        self.note_label(want, volume)?;
        self.notes.end(Task::Attaching, want.vmid)
    }

    /// Sees that the config says how large a disk has become. When a growth is killed between the
    /// two, the next one only says that the disk has this size. Nor would `pct rescan` do: it gives the
    /// guest whatever is called like a disk of it, such as the root disk of one that was set aside.
    pub(super) async fn note_growth(
        &self,
        want: &GuestSpec,
        place: Option<&AbsolutePath>,
        to: GibiBytes,
    ) -> Result<(), HostError> {
        let Some(conf) = self.conf(want.into())? else { return Ok(()) };
        let (key, has) = match place {
            None => (Some("rootfs".to_owned()), root_disk(&conf.main).map(|disk| disk.size)),
            Some(place) => {
                let mounts = mounts(&conf.main);
                let grown = mounts.iter().find(|mount| mount.is_at(place));
                let key = grown.map(|mount| format!("mp{}", mount.index));
                (key, grown.and_then(|mount| mount.size))
            }
        };
        let value = key.as_ref().and_then(|key| conf.main.get(key));
        let (Some(value), Some(has)) = (value, has) else { return Ok(()) };
        if has >= to {
            return Ok(());
        }
        let parts = value.split(',').map(|part| match part.strip_prefix("size=") {
            Some(_) => format!("size={}G", to.0),
            None => part.to_owned(),
        });
        let value = parts.collect::<Vec<_>>().join(",");
        let keys = key.into_iter().map(|key| (key, value.clone())).collect();
        let edit = Edit { keys, ..Edit::default() };
        edit::edit(&self.layout, want.into(), self.whose(want.vmid), &edit).await
    }

    /// Notes where volumes were mounted, so that they are found again.
    pub(super) fn note_volumes(
        &self,
        want: &GuestSpec,
        conf: &Conf,
        keys: &[String],
    ) -> Result<(), HostError> {
        let kept = self.notes.kept(want.vmid)?;
        let labels = self.notes.labels(want.vmid)?;
        self.notes.keep(want.vmid, &with_kept(kept, want, conf, keys, &labels))
    }

    /// Notes what a volume is called that was just mounted.
    fn note_label(&self, want: &GuestSpec, volume: &Volume) -> Result<(), HostError> {
        let VolumeSource::Storage { name, .. } = &volume.source else { return Ok(()) };
        let Some(conf) = self.conf(want.into())? else { return Ok(()) };
        let mut labels = self.notes.labels(want.vmid)?;
        let mounted = mounts(&conf.settled()).into_iter().find(|mount| mount.is_at(&volume.place));
        if let Some(mount) = mounted
            && labels.insert(mount.source, name.clone()).as_ref() != Some(name)
        {
            self.notes.label(want.vmid, &labels)?;
        }
        Ok(())
    }
}

/// Returns the volumes that are kept, with those that these keys name.
pub(super) fn with_kept(
    mut kept: Vec<Kept>,
    want: &GuestSpec,
    conf: &Conf,
    keys: &[String],
    labels: &Labels,
) -> Vec<Kept> {
    let is_new = |kept: &[Kept], id: &str| kept.iter().all(|one| one.id != id);
    let settled = conf.settled();
    for mount in mounts(&settled) {
        let (Some(storage), Ok(place)) = (mount.storage(), mount.place.parse()) else { continue };
        if !keys.contains(&format!("mp{}", mount.index)) || !is_new(&kept, &mount.source) {
            continue;
        }
        let asked = want.volumes.iter().find(|volume| mount.is_at(&volume.place));
        let name = match asked.map(|volume| &volume.source) {
            _ if labels.contains_key(&mount.source) => labels.get(&mount.source).cloned(),
            Some(VolumeSource::Storage { name, .. }) => Some(name.clone()),
            Some(VolumeSource::Host { .. } | VolumeSource::Nfs { .. }) | None => None,
        };
        let size = mount.size.unwrap_or(GibiBytes(0));
        kept.push(Kept { id: mount.source, name, place, storage, size });
    }
    for (index, volume) in settled.numbered("unused") {
        // Nobody remembers where it was; it is kept all the same.
        let (Some(storage), Ok(place)) = (storage_of(volume), "/".parse()) else { continue };
        if keys.contains(&format!("unused{index}")) && is_new(&kept, volume) {
            let (id, name) = (volume.to_owned(), labels.get(volume).cloned());
            kept.push(Kept { id, name, place, storage, size: GibiBytes(0) });
        }
    }
    kept
}

/// Returns the keys of what is mounted there.
pub(super) fn keys_at(conf: &Conf, place: &AbsolutePath) -> Vec<String> {
    let mounts = mounts(&conf.settled());
    let there = mounts.iter().filter(|mount| mount.is_at(place));
    there.map(|mount| format!("mp{}", mount.index)).collect()
}
