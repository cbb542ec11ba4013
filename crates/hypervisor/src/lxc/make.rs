//! How a guest is made, and taken away.

use std::fs;
use std::path::PathBuf;

use phoenix_domain::{
    Change, GuestSpec, Hostname, Made, Origin, Property, Vmid, Volume, VolumeSource,
};

use super::sheet::{Bequest, Sheet};
use super::{Lxc, dress, entries, nics_of, store, unreachable};
use crate::{Hand, HostError};

impl Lxc {
    pub(super) async fn create(
        &self,
        want: &GuestSpec,
        change: &Change,
        hand: &Hand,
    ) -> Result<(), HostError> {
        let Change::Create { origin, root_disk, properties, .. } = change else { return Ok(()) };
        let (vmid, folder) = (want.vmid, self.folder(want.vmid));
        self.renumber(vmid)?;
        fs::create_dir_all(&folder).map_err(unreachable)?;
        let mut sheet = Sheet::begun(&self.machine.cell, want, root_disk.clone());
        sheet.write(&folder)?;
        let rootfs = self.rootfs(vmid, root_disk);
        match origin {
            Origin::Template { archive } | Origin::CloudImage { image: archive } => {
                let archive = self.archive(archive)?;
                store::make(&rootfs, hand).await?;
                store::unpack(&archive, &rootfs, hand).await?;
            }
            Origin::Clone { parent } => {
                let theirs = self.sheet(*parent)?;
                let (from, properties, size) = match theirs.bequest() {
                    Some(Bequest::Template(sheet)) => (
                        self.rootfs(*parent, &theirs.root_disk),
                        &sheet.properties,
                        sheet.root_disk.size,
                    ),
                    Some(Bequest::Snapshot(name, frozen)) => (
                        self.snapshot(*parent, &theirs.root_disk, name),
                        &frozen.properties,
                        frozen.size,
                    ),
                    None => {
                        return Err(HostError::Failed {
                            what: format!("cloning {parent}"),
                            why: "it has nothing to be cloned from".to_owned(),
                            output: String::new(),
                        });
                    }
                };
                store::copy(&from, &rootfs, hand).await?;
                dress::unlike(&rootfs)?;
                sheet.properties.clone_from(properties);
                sheet.unprivileged = theirs.unprivileged;
                sheet.root_disk.size = size;
            }
        }
        sheet.put(properties);
        self.dress(vmid, &sheet)?;
        sheet.made = Made::Whole;
        self.keep(vmid, &sheet)
    }

    /// Returns where an archive is.
    pub(super) fn archive(&self, archive: &str) -> Result<PathBuf, HostError> {
        let name = archive.split_once(":vztmpl/").map_or(archive, |(_, name)| name);
        // A path leads where it leads, whatever it is joined to.
        let path = self.machine.dir.join("templates").join(name);
        if path.is_file() {
            return Ok(path);
        }
        Err(HostError::Impossible {
            what: format!("making a guest of {archive}"),
            why: format!("there is no {}", path.display()),
        })
    }

    /// Says what a change needs and the machine has not.
    pub(super) fn check_change(&self, want: &GuestSpec, change: &Change) -> Result<(), HostError> {
        let library = &self.machine.library;
        if let Change::Create { origin, .. } = change {
            library.check(want)?;
            if let Origin::Template { archive } = origin {
                self.archive(archive)?;
            }
        }
        Ok(())
    }

    pub(super) fn dress(&self, vmid: Vmid, sheet: &Sheet) -> Result<(), HostError> {
        let name = sheet.properties.iter().find_map(|property| {
            if let Property::Name(name) = property { Some(name) } else { None }
        });
        let nameless: Hostname = match format!("ct{vmid}").parse() {
            Ok(name) => name,
            Err(_) => return Ok(()),
        };
        let rootfs = self.rootfs(vmid, &sheet.root_disk);
        dress::dress(&rootfs, name.unwrap_or(&nameless), nics_of(sheet))
    }

    pub(super) async fn destroy(
        &self,
        vmid: Vmid,
        given_up: &[Volume],
        hand: &Hand,
    ) -> Result<(), HostError> {
        let mut sheet = self.sheet(vmid)?;
        self.stop(vmid, hand).await?;
        // From here on it is a guest that was not made: whoever is killed now goes on with that.
        sheet.made = Made::Half;
        sheet.write(&self.folder(vmid))?;
        for volume in given_up {
            if let VolumeSource::Storage { name, storage, .. } = &volume.source {
                let folder = self.volumes(vmid, storage);
                store::remove(&folder.join(name.as_str()), hand).await?;
                store::remove(&folder.join(format!("{name}.json")), hand).await?;
            }
        }
        self.remove(vmid, &sheet, hand).await
    }

    /// Forgets what was noted of the boots of a guest that is not there any more.
    pub(super) fn forget_notes(&self, vmid: Vmid) {
        for what in ["pid", "started", "healthy", "frozen", "log"] {
            let _gone = fs::remove_file(self.note(vmid, what));
        }
    }

    pub(super) async fn remove(
        &self,
        vmid: Vmid,
        sheet: &Sheet,
        hand: &Hand,
    ) -> Result<(), HostError> {
        let own = self.of_guest(vmid, &sheet.root_disk);
        for snapshot in entries(&own.join("snapshots"))? {
            store::remove(&snapshot, hand).await?;
        }
        for half in entries(&own)? {
            store::remove(&half, hand).await?;
        }
        store::remove(&own, hand).await?;
        self.forget_notes(vmid);
        store::remove(&self.folder(vmid), hand).await
    }
}
