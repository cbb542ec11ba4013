//! What only the driver can know: what it was about when it was killed, and what a host does not
//! keep.
//!
//! Notes about work in hand and about volumes survive a reboot; notes about a boot go with it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use phoenix_domain::{
    AbsolutePath, BootId, GibiBytes, SnapshotName, SpecDigest, StorageId, Vmid, Volume, VolumeName,
    VolumeSource,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::HostError;

/// The notes of one host.
#[derive(Clone, Debug)]
pub(super) struct Notes {
    lasting: PathBuf,
    passing: PathBuf,
}

/// A guest, or a volume of it, that is being made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Making {
    /// When it was begun, in seconds since 1970.
    pub(super) since: u64,
    /// The storages it takes room on.
    pub(super) storages: Vec<StorageId>,
}

/// A volume of a guest that is mounted no longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// The volume id.
    pub(super) id: String,
    /// Its label, where it had one.
    pub(super) name: Option<VolumeName>,
    /// Where it was mounted.
    pub(super) place: AbsolutePath,
    /// The storage.
    pub(super) storage: StorageId,
    /// How large it is.
    pub(super) size: GibiBytes,
}

/// What was true of one boot of a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Of<T> {
    boot: BootId,
    what: T,
}

impl From<Kept> for Volume {
    fn from(Kept { name, place, storage, size, id: _ }: Kept) -> Self {
        // One without a label has none that anybody could ask for.
        let name = name.or_else(|| "unused".parse().ok());
        let source = match name {
            Some(name) => VolumeSource::Storage { name, storage, size },
            None => VolumeSource::Host { path: place.clone(), owner: None, group: None },
        };
        Self { source, place }
    }
}

impl Notes {
    pub(super) fn open(lasting: &Path, passing: &Path) -> io::Result<Self> {
        for folder in ["making", "attaching", "cloning", "locking", "sealing", "volumes"] {
            fs::create_dir_all(lasting.join(folder))?;
        }
        for folder in [passing.join("stale"), passing.join("healthy")] {
            fs::create_dir_all(folder)?;
        }
        Ok(Self { lasting: lasting.to_owned(), passing: passing.to_owned() })
    }

    /// Notes that a guest is being made, before anything of it is there.
    pub(super) fn begin_making(&self, vmid: Vmid, making: &Making) -> Result<(), HostError> {
        write(&self.lasting.join(format!("making/{vmid}.json")), making)
    }

    pub(super) fn making(&self, vmid: Vmid) -> Result<Option<Making>, HostError> {
        read(&self.lasting.join(format!("making/{vmid}.json")))
    }

    pub(super) fn end_making(&self, vmid: Vmid) -> Result<(), HostError> {
        remove(&self.lasting.join(format!("making/{vmid}.json")))
    }

    /// Notes that a volume of a guest is being made, before it is there.
    pub(super) fn begin_attaching(&self, vmid: Vmid, making: &Making) -> Result<(), HostError> {
        write(&self.lasting.join(format!("attaching/{vmid}.json")), making)
    }

    pub(super) fn attaching(&self, vmid: Vmid) -> Result<Option<Making>, HostError> {
        read(&self.lasting.join(format!("attaching/{vmid}.json")))
    }

    pub(super) fn end_attaching(&self, vmid: Vmid) -> Result<(), HostError> {
        remove(&self.lasting.join(format!("attaching/{vmid}.json")))
    }

    /// Notes that a command of ours is about to lock a guest, for taking or removing this snapshot.
    pub(super) fn begin_locking(&self, vmid: Vmid, name: &SnapshotName) -> Result<(), HostError> {
        write(&self.lasting.join(format!("locking/{vmid}.json")), name)
    }

    /// Returns the snapshot for which a command of ours was about to lock a guest.
    pub(super) fn locking(&self, vmid: Vmid) -> Result<Option<SnapshotName>, HostError> {
        read(&self.lasting.join(format!("locking/{vmid}.json")))
    }

    pub(super) fn end_locking(&self, vmid: Vmid) -> Result<(), HostError> {
        remove(&self.lasting.join(format!("locking/{vmid}.json")))
    }

    /// Notes that a guest is being turned into a template: its volumes get other names first.
    pub(super) fn begin_sealing(&self, vmid: Vmid) -> Result<(), HostError> {
        write(&self.lasting.join(format!("sealing/{vmid}.json")), &())
    }

    pub(super) fn is_sealing(&self, vmid: Vmid) -> Result<bool, HostError> {
        read::<()>(&self.lasting.join(format!("sealing/{vmid}.json"))).map(|note| note.is_some())
    }

    pub(super) fn end_sealing(&self, vmid: Vmid) -> Result<(), HostError> {
        remove(&self.lasting.join(format!("sealing/{vmid}.json")))
    }

    /// Notes that a guest is being cloned: Proxmox locks it for that long.
    pub(super) fn begin_cloning(&self, parent: Vmid) -> Result<(), HostError> {
        write(&self.lasting.join(format!("cloning/{parent}.json")), &())
    }

    pub(super) fn is_cloning(&self, parent: Vmid) -> Result<bool, HostError> {
        read::<()>(&self.lasting.join(format!("cloning/{parent}.json"))).map(|note| note.is_some())
    }

    pub(super) fn end_cloning(&self, parent: Vmid) -> Result<(), HostError> {
        remove(&self.lasting.join(format!("cloning/{parent}.json")))
    }

    /// Returns the volumes of a guest that are mounted no longer.
    pub(super) fn kept(&self, vmid: Vmid) -> Result<Vec<Kept>, HostError> {
        read(&self.lasting.join(format!("volumes/{vmid}.json"))).map(Option::unwrap_or_default)
    }

    pub(super) fn keep(&self, vmid: Vmid, volumes: &[Kept]) -> Result<(), HostError> {
        let path = self.lasting.join(format!("volumes/{vmid}.json"));
        if volumes.is_empty() { remove(&path) } else { write(&path, &volumes) }
    }

    /// Notes that what runs is not what the config says any more.
    pub(super) fn mark_stale(&self, vmid: Vmid, boot: &BootId) -> Result<(), HostError> {
        let note = Of { boot: boot.clone(), what: () };
        write(&self.passing.join(format!("stale/{vmid}.json")), &note)
    }

    pub(super) fn is_stale(&self, vmid: Vmid, boot: &BootId) -> Result<bool, HostError> {
        let note: Option<Of<()>> = read(&self.passing.join(format!("stale/{vmid}.json")))?;
        Ok(note.is_some_and(|note| note.boot == *boot))
    }

    /// Notes that a guest was found healthy as this spec says.
    pub(super) fn mark_healthy(
        &self,
        vmid: Vmid,
        boot: &BootId,
        spec: &SpecDigest,
    ) -> Result<(), HostError> {
        let note = Of { boot: boot.clone(), what: spec.clone() };
        write(&self.passing.join(format!("healthy/{vmid}.json")), &note)
    }

    pub(super) fn is_healthy(
        &self,
        vmid: Vmid,
        boot: &BootId,
        spec: &SpecDigest,
    ) -> Result<bool, HostError> {
        let note: Option<Of<SpecDigest>> =
            read(&self.passing.join(format!("healthy/{vmid}.json")))?;
        Ok(note.is_some_and(|note| note.boot == *boot && note.what == *spec))
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, HostError> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|err| {
            HostError::Unreadable { what: path.display().to_string(), why: err.to_string() }
        }),
        Err(err) if err.kind() == ErrorKind::NotFound => Ok(None),
        Err(err) => Err(HostError::Unreachable { err }),
    }
}

/// Writes a note so that it is there, and whole, whatever happens next.
fn write(path: &Path, note: &impl Serialize) -> Result<(), HostError> {
    let put = || {
        let beside = path.with_extension("new");
        let mut file = File::create(&beside)?;
        file.write_all(&serde_json::to_vec(note)?)?;
        file.sync_data()?;
        fs::rename(&beside, path)?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    put().map_err(|err: io::Error| HostError::Unreachable { err })
}

fn remove(path: &Path) -> Result<(), HostError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(err) if err.kind() == ErrorKind::NotFound => Ok(()),
        Err(err) => Err(HostError::Unreachable { err }),
    }
}
