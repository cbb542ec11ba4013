//! A simulated host of a test's own: what is on it, what was done to it, and what goes wrong.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a broken fixture should stop the test"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use phoenix_domain::{GuestKey, Owner, Property, Volume};
use phoenix_hypervisor::simulated::{Broken, Cure, Sickness, admin, init, twice};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

pub use phoenix_hypervisor::simulated::{Entry, Fault, FaultKind, Mark, Moment, Settings};

/// A simulated host. It is gone when this is dropped.
#[derive(Debug)]
pub struct Host {
    folder: TempDir,
}

impl Host {
    /// Makes one without guests.
    pub fn new(settings: &Settings) -> Self {
        let folder = TempDir::with_prefix("phoenix-host-").unwrap();
        init(folder.path(), settings).unwrap();
        Self { folder }
    }

    /// Returns where it lives.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Gives it other settings.
    pub fn set(&self, settings: &Settings) {
        init(self.folder.path(), settings).unwrap();
    }

    /// Has something go wrong, and returns the id of the fault.
    pub fn fault(&self, fault: Fault) -> u32 {
        admin::add_fault(self.folder(), fault).unwrap()
    }

    /// Has it go wrong no more.
    pub fn without_fault(&self, id: u32) {
        admin::remove_fault(self.folder(), id).unwrap();
    }

    /// Returns how many faults have not struck for the last time.
    pub fn faults_left(&self) -> usize {
        admin::list_faults(self.folder()).unwrap().len()
    }

    /// Has a guest be somebody else's, or ours again.
    pub fn give(&self, guest: GuestKey, owner: Owner) {
        admin::give(self.folder(), guest, owner).unwrap();
    }

    /// Stops a guest behind everybody's back.
    pub fn halt(&self, guest: GuestKey) {
        admin::stop(self.folder(), guest).unwrap();
    }

    /// Has a service of a guest hang until somebody mends it.
    pub fn sicken(&self, guest: GuestKey, service: &str) {
        let broken = Broken { how: Sickness::Hang, until: Cure::Hand };
        admin::break_service(self.folder(), guest, service, broken).unwrap();
    }

    /// Removes a guest behind everybody's back.
    pub fn remove(&self, guest: GuestKey) {
        admin::remove(self.folder(), guest).unwrap();
    }

    /// Gives a guest other properties behind everybody's back.
    pub fn tweak(&self, guest: GuestKey, to: &[Property]) {
        admin::set(self.folder(), guest, to).unwrap();
    }

    /// Gives a running guest other addresses, as a DHCP server does.
    pub fn readdress(&self, guest: GuestKey, addresses: &[&str]) {
        let addresses: Vec<_> = addresses.iter().map(|one| one.parse().unwrap()).collect();
        admin::readdress(self.folder(), guest, &addresses).unwrap();
    }

    /// Returns the volumes that a guest which is gone has left.
    pub fn kept(&self, guest: GuestKey) -> Vec<Volume> {
        admin::kept(self.folder(), guest).unwrap()
    }

    /// Returns what was done to it, oldest first. A line that is being written is left out.
    pub fn ledger(&self) -> Vec<Entry> {
        admin::ledger(self.folder()).unwrap_or_default()
    }

    /// Returns the changes of the ledger that were made to their end.
    pub fn done(&self) -> Vec<Entry> {
        self.ledger().into_iter().filter(|entry| entry.mark == Mark::Done).collect()
    }

    /// Fails where an effect was made although it was there already, or was not made to its end.
    pub fn assert_nothing_twice(&self) {
        let ledger = admin::ledger(self.folder()).unwrap();
        let twice = twice(&ledger);
        assert!(twice.is_empty(), "made although it was there: {twice:#?}");
    }

    /// Returns how many changes of this kind were begun on a guest.
    pub fn begun(&self, guest: GuestKey, kind: &str) -> usize {
        let is_it = |entry: &&Entry| {
            entry.guest == guest && entry.kind == kind && entry.mark == Mark::Begun
        };
        self.ledger().iter().filter(is_it).count()
    }

    /// Returns the state files of its guests, byte for byte but for how often they were started:
    /// that is the only trace which a change made again may leave.
    pub fn files(&self) -> BTreeMap<String, String> {
        let files = fs::read_dir(self.folder().join("guests")).unwrap();
        let read = |path: PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(path).unwrap();
            (name, text.lines().filter(|line| !line.contains(r#""boots":"#)).collect())
        };
        files.map(|file| read(file.unwrap().path())).collect()
    }
}

impl Drop for Host {
    /// Ends the changes that are at it still: they may outlive their worker, not their host.
    fn drop(&mut self) {
        let here = self.folder().to_string_lossy().into_owned();
        for entry in self.ledger() {
            let line = fs::read(format!("/proc/{}/cmdline", entry.pid)).unwrap_or_default();
            let is_here = String::from_utf8_lossy(&line).contains(&here);
            let pid = i32::try_from(entry.pid).ok().and_then(Pid::from_raw);
            if let Some(pid) = pid.filter(|_| is_here) {
                let _ended = kill_process(pid, Signal::KILL);
            }
        }
    }
}
