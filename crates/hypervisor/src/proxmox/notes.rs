//! What only the driver can know: what it was about when it was killed, and what a host does not
//! keep.
//!
//! Notes about work in hand and about volumes survive a reboot; notes about a boot go with it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

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

/// What a kill can leave half done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// A guest is made.
    Making,
    /// A volume of a guest is made.
    Attaching,
    /// A guest is copied; Proxmox locks it for that long.
    Cloning,
    /// A command of ours locks a guest.
    Locking,
    /// A guest is turned into a template: its volumes get other names first.
    Sealing,
}

/// A task that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Begun {
    /// When, in seconds since 1970.
    pub(super) since: u64,
    /// The storages it takes room on.
    pub(super) storages: Vec<StorageId>,
    /// The snapshot it is about.
    pub(super) snapshot: Option<SnapshotName>,
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

/// The labels of volumes, by their ids.
pub(super) type Labels = BTreeMap<String, VolumeName>;

/// What was true of one boot of a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Of<T> {
    boot: BootId,
    what: T,
}

impl Task {
    const ALL: [Self; 5] =
        [Self::Making, Self::Attaching, Self::Cloning, Self::Locking, Self::Sealing];

    fn folder(self) -> &'static str {
        match self {
            Self::Making => "making",
            Self::Attaching => "attaching",
            Self::Cloning => "cloning",
            Self::Locking => "locking",
            Self::Sealing => "sealing",
        }
    }
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
        for task in Task::ALL {
            fs::create_dir_all(lasting.join(task.folder()))?;
        }
        for folder in [
            lasting.join("volumes"),
            lasting.join("labels"),
            lasting.join("clean"),
            passing.join("stale"),
            passing.join("healthy"),
        ] {
            fs::create_dir_all(folder)?;
        }
        Ok(Self { lasting: lasting.to_owned(), passing: passing.to_owned() })
    }

    /// Notes that a task is begun, before anything of it is done.
    pub(super) fn begin(
        &self,
        task: Task,
        vmid: Vmid,
        storages: &[StorageId],
    ) -> Result<(), HostError> {
        let storages = storages.to_vec();
        write(&self.of(task, vmid), &Begun { since: now(), storages, snapshot: None })
    }

    /// Notes that a command of ours is about to lock a guest, for taking or removing this snapshot.
    pub(super) fn begin_locking(&self, vmid: Vmid, name: &SnapshotName) -> Result<(), HostError> {
        let snapshot = Some(name.clone());
        let begun = Begun { since: now(), storages: Vec::new(), snapshot };
        write(&self.of(Task::Locking, vmid), &begun)
    }

    /// Returns a task that was begun and whose end nobody noted.
    pub(super) fn begun(&self, task: Task, vmid: Vmid) -> Result<Option<Begun>, HostError> {
        read(&self.of(task, vmid))
    }

    /// Notes that a task came to its end, whichever.
    pub(super) fn end(&self, task: Task, vmid: Vmid) -> Result<(), HostError> {
        remove(&self.of(task, vmid))
    }

    fn of(&self, task: Task, vmid: Vmid) -> PathBuf {
        self.lasting.join(task.folder()).join(format!("{vmid}.json"))
    }

    /// Returns the volumes of a guest that are mounted no longer.
    pub(super) fn kept(&self, vmid: Vmid) -> Result<Vec<Kept>, HostError> {
        read(&self.lasting.join(format!("volumes/{vmid}.json"))).map(Option::unwrap_or_default)
    }

    /// Returns the labels of the volumes of a guest, by their ids: a host keeps none.
    pub(super) fn labels(&self, vmid: Vmid) -> Result<Labels, HostError> {
        read(&self.lasting.join(format!("labels/{vmid}.json"))).map(Option::unwrap_or_default)
    }

    pub(super) fn label(&self, vmid: Vmid, labels: &Labels) -> Result<(), HostError> {
        write(&self.lasting.join(format!("labels/{vmid}.json")), labels)
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

    /// Notes that a machine was cleaned for its clones in this boot.
    pub(super) fn mark_clean(&self, vmid: Vmid, boot: &BootId) -> Result<(), HostError> {
        let note = Of { boot: boot.clone(), what: () };
        write(&self.lasting.join(format!("clean/{vmid}.json")), &note)
    }

    /// Forgets that, as it is started again.
    pub(super) fn forget_clean(&self, vmid: Vmid) -> Result<(), HostError> {
        remove(&self.lasting.join(format!("clean/{vmid}.json")))
    }

    /// Says whether it was cleaned, and runs no other boot since.
    pub(super) fn is_clean(&self, vmid: Vmid, runs: Option<&BootId>) -> Result<bool, HostError> {
        let note: Option<Of<()>> = read(&self.lasting.join(format!("clean/{vmid}.json")))?;
        Ok(note.is_some_and(|note| runs.is_none_or(|runs| note.boot == *runs)))
    }

    /// Forgets that a guest was found healthy.
    pub(super) fn forget_healthy(&self, vmid: Vmid) -> Result<(), HostError> {
        remove(&self.passing.join(format!("healthy/{vmid}.json")))
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

/// Reads the clock of the host, by which its storages date their volumes.
#[expect(clippy::disallowed_methods, reason = "compared with the dates of volumes on this host")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
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
