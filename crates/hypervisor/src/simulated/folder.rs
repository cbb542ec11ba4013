//! The folder a simulated host lives in.
//!
//! ```text
//! settings.json     what the host has, and how slow it is
//! guests/           one file a guest; a change renames a new one over it, so it is never torn
//! kept/             volumes of guests that are gone, for the next one with the number
//! ledger.jsonl      one line for the begin and one for the end of every effect
//! faults.json       what is to go wrong
//! broken.json       which bridges, storages and GPUs are not well
//! services.json     where the services of running guests answer
//! locks/            who is at what; they belong to the kernel and end with their holder
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use phoenix_domain::{GuestKey, Kind, RunId, StorageId, Vmid, Volume};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::guest::SimulatedGuest;
use super::settings::Settings;
use crate::{HostError, Lock, LockError, aside};

/// How often somebody who waits for a lock looks whether it is free.
const LOCK_POLL: Duration = Duration::from_millis(2);

/// The folder a simulated host lives in.
#[derive(Clone, Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Takes a folder that [`Folder::init`] made.
    pub(super) fn open(dir: &Path) -> Result<Self, HostError> {
        let folder = Self(dir.to_owned());
        folder.settings()?;
        Ok(folder)
    }

    /// Makes the folder of a host without guests; what is there already stays.
    pub(super) fn init(dir: &Path, settings: &Settings) -> Result<Self, HostError> {
        let folder = Self(dir.to_owned());
        for name in ["guests", "kept", "locks"] {
            fs::create_dir_all(dir.join(name)).map_err(unreachable)?;
        }
        folder.write("settings.json", settings)?;
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the settings; where there are none, there is no host.
    pub(super) fn settings(&self) -> Result<Settings, HostError> {
        self.read("settings.json")?.ok_or_else(|| {
            let why = format!("there is no simulated host in {}", self.0.display());
            unreachable(io::Error::new(ErrorKind::NotFound, why))
        })
    }

    /// Returns the guest with this number, of whichever kind: they share one space of numbers.
    pub(super) fn guest(&self, vmid: Vmid) -> Result<Option<SimulatedGuest>, HostError> {
        for kind in [Kind::Container, Kind::Machine] {
            let guest: Option<SimulatedGuest> = self.read(&file_of(GuestKey { kind, vmid }))?;
            // One that was set aside by somebody who was killed has another number already.
            if let Some(guest) = guest.filter(|guest| guest.guest.vmid == vmid) {
                return Ok(Some(guest));
            }
        }
        Ok(None)
    }

    /// Returns the numbers of guests that had this one and were set aside.
    pub(super) fn aside(&self, of: Vmid) -> Result<BTreeMap<RunId, Vmid>, HostError> {
        let numbers = self.keys()?.into_iter().map(|key| key.vmid);
        aside::found(of, numbers, |there| Ok(self.guest(there)?.and_then(|guest| guest.aside)))
    }

    /// Returns the first free number beside this one.
    pub(super) fn beside(&self, of: Vmid) -> Result<Option<Vmid>, HostError> {
        let taken: Vec<_> = self.keys()?.into_iter().map(|key| key.vmid).collect();
        Ok(of.beside().find(|there| !taken.contains(there)))
    }

    /// Sets a guest aside that is this from now on: from the first of two writes on it has its new
    /// number, and whoever comes next makes the second where somebody was killed before it.
    pub(super) fn set_aside(&self, old: GuestKey, guest: &SimulatedGuest) -> Result<(), HostError> {
        self.write(&file_of(old), guest)?;
        self.settle(old)
    }

    /// Brings a guest to its number that was set aside by somebody who was killed.
    pub(super) fn settle(&self, old: GuestKey) -> Result<(), HostError> {
        match self.read::<SimulatedGuest>(&file_of(old))? {
            Some(guest) if guest.guest != old => {
                let (from, to) = (self.0.join(file_of(old)), self.0.join(file_of(guest.guest)));
                fs::rename(from, to).map_err(unreachable)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Returns all guests, by their names.
    pub(super) fn guests(&self) -> Result<BTreeMap<GuestKey, SimulatedGuest>, HostError> {
        let mut guests = BTreeMap::new();
        for key in self.keys()? {
            // It may have been removed since the folder was read.
            let guest: Option<SimulatedGuest> = self.read(&file_of(key))?;
            guests.extend(guest.map(|guest| (guest.guest, guest)));
        }
        Ok(guests)
    }

    /// Returns the names of all guests there is a file of.
    fn keys(&self) -> Result<Vec<GuestKey>, HostError> {
        let mut keys = Vec::new();
        for entry in fs::read_dir(self.0.join("guests")).map_err(unreachable)? {
            let name = entry.map_err(unreachable)?.file_name();
            let key = name.to_str().and_then(|name| name.strip_suffix(".json"));
            keys.extend(key.and_then(|key| key.parse::<GuestKey>().ok()));
        }
        Ok(keys)
    }

    /// Returns when a guest was changed last: each change renames or removes a file.
    pub(super) fn guests_changed(&self) -> io::Result<SystemTime> {
        fs::metadata(self.0.join("guests"))?.modified()
    }

    /// Writes the file of a guest.
    pub(super) fn put(&self, guest: &SimulatedGuest) -> Result<(), HostError> {
        self.write(&file_of(guest.guest), guest)
    }

    /// Removes the file of a guest.
    pub(super) fn remove(&self, guest: GuestKey) -> Result<(), HostError> {
        match fs::remove_file(self.0.join(file_of(guest))) {
            Ok(()) => Ok(()),
            Err(err) if err.kind() == ErrorKind::NotFound => Ok(()),
            Err(err) => Err(unreachable(err)),
        }
    }

    /// Returns the volumes that an earlier guest with this number has left.
    pub(super) fn kept(&self, vmid: Vmid) -> Result<Vec<Volume>, HostError> {
        Ok(self.read(&kept_of(vmid))?.unwrap_or_default())
    }

    /// Keeps these volumes for the next guest with this number.
    pub(super) fn keep(&self, vmid: Vmid, volumes: &[Volume]) -> Result<(), HostError> {
        if !volumes.is_empty() {
            return self.write(&kept_of(vmid), &volumes);
        }
        match fs::remove_file(self.0.join(kept_of(vmid))) {
            Ok(()) => Ok(()),
            Err(err) if err.kind() == ErrorKind::NotFound => Ok(()),
            Err(err) => Err(unreachable(err)),
        }
    }

    /// Returns how much is free on a storage, in GiB; absent where there is no such storage.
    pub(super) fn free(
        &self,
        settings: &Settings,
        storage: &StorageId,
    ) -> Result<Option<u64>, HostError> {
        let Some(size) = settings.size_of(storage) else { return Ok(None) };
        let taken = self.guests()?.values().map(|guest| guest.takes(storage)).sum();
        Ok(Some(size.saturating_sub(taken)))
    }

    /// Takes the lock that a change of a guest is made under.
    pub(super) fn lock_guest(&self, vmid: Vmid, wait: Duration) -> Result<Lock, HostError> {
        self.lock(&format!("guest-{vmid}"), &format!("guest {vmid}"), wait)
    }

    /// Takes the lock that room is handed out under.
    pub(super) fn lock_storage(&self, storage: &StorageId) -> Result<Lock, HostError> {
        let what = format!("storage {storage}");
        self.lock(&format!("storage-{storage}"), &what, Duration::from_mins(1))
    }

    fn lock(&self, name: &str, what: &str, wait: Duration) -> Result<Lock, HostError> {
        let path = self.0.join("locks").join(name);
        let begun = Instant::now();
        loop {
            match Lock::try_take(&path) {
                Ok(lock) => return Ok(lock),
                Err(LockError::Held { .. }) if begun.elapsed() < wait => thread::sleep(LOCK_POLL),
                Err(LockError::Held { .. }) => {
                    let by = "another change on the simulated host".to_owned();
                    return Err(HostError::Locked { what: what.to_owned(), by });
                }
                Err(LockError::Unusable { err, .. }) => return Err(unreachable(err)),
            }
        }
    }

    /// Reads one file; absent where there is none.
    pub(super) fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, HostError> {
        match fs::read(self.0.join(name)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|err| {
                HostError::Unreadable { what: name.to_owned(), why: err.to_string() }
            }),
            Err(err) if err.kind() == ErrorKind::NotFound => Ok(None),
            Err(err) => Err(unreachable(err)),
        }
    }

    /// Writes one file whole: who reads it sees the old one or the new one.
    pub(super) fn write(&self, name: &str, what: &impl Serialize) -> Result<(), HostError> {
        let unreadable = |err: serde_json::Error| HostError::Unreadable {
            what: name.to_owned(),
            why: err.to_string(),
        };
        let mut bytes = serde_json::to_vec_pretty(what).map_err(unreadable)?;
        bytes.push(b'\n');
        let path = self.0.join(name);
        // Each file has one writer at a time, who holds its lock.
        let beside = path.with_extension("new");
        fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, &path)).map_err(unreachable)
    }

    /// Adds one line to a file; several processes may do so at once.
    pub(super) fn append(&self, name: &str, line: &[u8]) -> Result<(), HostError> {
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).open(self.0.join(name));
        file.and_then(|mut file| file.write_all(line)).map_err(unreachable)
    }

    /// Reads a file of lines; empty where there is none.
    pub(super) fn text(&self, name: &str) -> Result<String, HostError> {
        match fs::read_to_string(self.0.join(name)) {
            Ok(text) => Ok(text),
            Err(err) if err.kind() == ErrorKind::NotFound => Ok(String::new()),
            Err(err) => Err(unreachable(err)),
        }
    }

    /// Takes the lock of a file that is read and written back, and waits for it.
    pub(super) fn hold(&self, name: &str) -> Result<File, HostError> {
        let mut options = OpenOptions::new();
        let path = self.0.join("locks").join(name);
        let file = options.create(true).truncate(false).write(true).open(path);
        file.and_then(|file| file.lock().map(|()| file)).map_err(unreachable)
    }
}

fn kept_of(vmid: Vmid) -> String {
    format!("kept/{vmid}.json")
}

fn file_of(guest: GuestKey) -> String {
    format!("guests/{guest}.json")
}

/// Says that the host cannot be reached: the folder it lives in cannot be used.
pub(super) fn unreachable(err: io::Error) -> HostError {
    HostError::Unreachable { err }
}
