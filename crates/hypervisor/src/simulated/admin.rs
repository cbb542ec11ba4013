//! The hands of a person at a simulated host: what its command line does.
//!
//! Nothing here goes through the steps or the engine. Who stops a guest with it is a second actor,
//! as a colleague in the web interface of a real host would be.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use phoenix_domain::health::Facts;
use phoenix_domain::{Change, GuestKey, Health, Made, Owner, Property, Run, Volume};
use serde::Serialize;

use super::effect;
use super::faults;
use super::folder::Folder;
use super::guest::{Broken, SimulatedGuest};
use super::ledger;
use super::parts;
use super::services;
use super::{Entry, Fault, Part, Pending, Settings, Urls};
use crate::HostError;

pub use super::init;

/// How long a person waits for a change that is at the guest.
const PATIENCE: Duration = Duration::from_secs(5);

/// A simulated host as a person is shown it. Its text says that it is one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shown {
    /// That this is a simulation, for those who read JSON.
    pub simulation: bool,
    /// Where it lives.
    pub folder: PathBuf,
    /// What it has.
    pub settings: Settings,
    /// Its guests, by their names.
    pub guests: Vec<SimulatedGuest>,
    /// What is to go wrong on it.
    pub faults: Vec<Pending>,
    /// What of it is not well.
    pub broken: Facts,
}

/// Shows a host.
pub fn show(dir: &Path) -> Result<Shown, HostError> {
    let folder = Folder::open(dir)?;
    Ok(Shown {
        simulation: true,
        folder: dir.to_owned(),
        settings: folder.settings()?,
        guests: folder.guests()?.into_values().collect(),
        faults: faults::list(&folder)?,
        broken: parts::broken(&folder)?,
    })
}

/// Returns what was done to a host, oldest first.
pub fn ledger(dir: &Path) -> Result<Vec<Entry>, HostError> {
    ledger::read(&Folder::open(dir)?)
}

/// Returns where the services of running guests answer, while somebody serves them.
pub fn services(dir: &Path) -> Result<Urls, HostError> {
    Ok(Folder::open(dir)?.read(services::FILE)?.unwrap_or_default())
}

/// Has something go wrong, and returns the id of the fault.
pub fn add_fault(dir: &Path, fault: Fault) -> Result<u32, HostError> {
    faults::add(&Folder::open(dir)?, fault)
}

/// Returns the kinds of what can go wrong: those of changes, and that of a look.
pub fn fault_kinds() -> impl Iterator<Item = &'static str> {
    Change::KINDS.iter().copied().chain([faults::LOOK])
}

/// Returns what is to go wrong still.
pub fn list_faults(dir: &Path) -> Result<Vec<Pending>, HostError> {
    faults::list(&Folder::open(dir)?)
}

/// Removes a fault; says whether there was one.
pub fn remove_fault(dir: &Path, id: u32) -> Result<bool, HostError> {
    faults::remove(&Folder::open(dir)?, id)
}

/// Makes a service of a guest sick; the service `agent` is the agent of a machine.
pub fn break_service(
    dir: &Path,
    guest: GuestKey,
    service: &str,
    broken: Broken,
) -> Result<(), HostError> {
    let served = services(dir)?.remove(&guest);
    alter(dir, guest, |guest| {
        if let Some(served) = &served
            && !served.contains_key(service)
            && !guest.broken.contains_key(service)
        {
            let served: Vec<_> = served.keys().map(String::as_str).collect();
            let why = format!("it does not serve {service}, but {}", served.join(", "));
            return Err(refused(guest.guest, &why));
        }
        guest.broken.insert(service.to_owned(), broken);
        Ok(())
    })
}

/// Breaks a part of the host that guests stand on.
pub fn break_part(dir: &Path, part: Part) -> Result<(), HostError> {
    parts::set(&Folder::open(dir)?, part, true)
}

/// Mends it.
pub fn mend_part(dir: &Path, part: Part) -> Result<(), HostError> {
    parts::set(&Folder::open(dir)?, part, false)
}

/// Mends one service of a guest, or all of them.
pub fn mend(dir: &Path, guest: GuestKey, service: Option<&str>) -> Result<(), HostError> {
    alter(dir, guest, |guest| {
        guest.broken.retain(|name, _| service.is_some_and(|only| only != name));
        Ok(())
    })
}

/// Starts a guest behind everybody's back.
pub fn start(dir: &Path, guest: GuestKey) -> Result<(), HostError> {
    alter(dir, guest, |guest| {
        if guest.seen.template.is_some() {
            return Err(refused(guest.guest, "a template cannot be started"));
        }
        if !guest.runs() {
            guest.boot();
        }
        Ok(())
    })
}

/// Stops a guest behind everybody's back.
pub fn stop(dir: &Path, guest: GuestKey) -> Result<(), HostError> {
    alter(dir, guest, |guest| {
        guest.halt();
        Ok(())
    })
}

/// Sets properties of a guest behind everybody's back.
pub fn set(dir: &Path, guest: GuestKey, to: &[Property]) -> Result<(), HostError> {
    alter(dir, guest, |guest| {
        effect::put_properties(guest, to);
        Ok(())
    })
}

/// Gives a running guest other addresses, as a DHCP server does.
pub fn readdress(dir: &Path, guest: GuestKey, addresses: &[IpAddr]) -> Result<(), HostError> {
    alter(dir, guest, |guest| {
        guest.seen.addresses = addresses.to_vec();
        Ok(())
    })
}

/// Takes our mark from a guest, as if somebody else had made it, or gives it back.
pub fn give(dir: &Path, guest: GuestKey, owner: Owner) -> Result<(), HostError> {
    alter(dir, guest, |guest| {
        guest.seen.owner = owner;
        Ok(())
    })
}

/// Removes a guest behind everybody's back.
pub fn remove(dir: &Path, guest: GuestKey) -> Result<(), HostError> {
    let folder = Folder::open(dir)?;
    let _lock = folder.lock_guest(guest.vmid, PATIENCE)?;
    match folder.guest(guest.vmid)? {
        Some(found) if found.guest == guest => folder.remove(guest),
        Some(_) | None => Err(absent(guest)),
    }
}

/// Returns the volumes that a guest which is gone has left.
pub fn kept(dir: &Path, guest: GuestKey) -> Result<Vec<Volume>, HostError> {
    Folder::open(dir)?.kept(guest.vmid)
}

/// Puts a guest there as it is given, in place of one that has its number.
pub fn place(dir: &Path, guest: &SimulatedGuest) -> Result<(), HostError> {
    let folder = Folder::open(dir)?;
    let _lock = folder.lock_guest(guest.guest.vmid, PATIENCE)?;
    if let Some(old) = folder.guest(guest.guest.vmid)? {
        folder.remove(old.guest)?;
    }
    folder.put(guest)
}

fn alter(
    dir: &Path,
    guest: GuestKey,
    how: impl FnOnce(&mut SimulatedGuest) -> Result<(), HostError>,
) -> Result<(), HostError> {
    let folder = Folder::open(dir)?;
    let _lock = folder.lock_guest(guest.vmid, PATIENCE)?;
    let found = folder.guest(guest.vmid)?.filter(|found| found.guest == guest);
    let mut found = found.ok_or_else(|| absent(guest))?;
    how(&mut found)?;
    folder.put(&found)
}

fn absent(guest: GuestKey) -> HostError {
    refused(guest, "there is none on this simulated host")
}

fn refused(guest: GuestKey, why: &str) -> HostError {
    HostError::Impossible { what: guest.to_string(), why: why.to_owned() }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "SIMULATION: no guest below exists; they are files in {}",
            self.folder.display()
        )?;
        if self.guests.is_empty() {
            writeln!(f, "no guests")?;
        }
        for guest in &self.guests {
            writeln!(f, "{guest}")?;
        }
        for pending in &self.faults {
            writeln!(f, "{pending}")?;
        }
        let Facts { broken_bridges, broken_storages, broken_gpus, .. } = &self.broken;
        for bridge in broken_bridges {
            writeln!(f, "bridge {bridge} is broken")?;
        }
        for storage in broken_storages {
            writeln!(f, "storage {storage} is broken")?;
        }
        for gpu in broken_gpus {
            writeln!(f, "GPU {gpu} is broken")?;
        }
        Ok(())
    }
}

impl fmt::Display for SimulatedGuest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match (self.seen.made, &self.seen.template, self.seen.run) {
            (Made::Half, _, _) => "half made",
            (Made::Whole, Some(_), _) => "template",
            (Made::Whole, None, Run::Stopped) => "stopped",
            (Made::Whole, None, Run::Running) => "running",
            (Made::Whole, None, Run::RunningStale) => "running, waits for a restart",
        };
        let name = self.seen.properties.iter().find_map(|property| {
            if let Property::Name(name) = property { Some(name.as_str()) } else { None }
        });
        write!(f, "{} {} (simulated): {state}", self.guest, name.unwrap_or("without a name"))?;
        match self.seen.owner {
            Owner::Phoenix => {}
            Owner::Somebody => f.write_str(", not ours")?,
        }
        if let Some(inside) = self.seen.inside.as_ref().filter(|inside| !inside.features.is_empty())
        {
            write!(f, "\n  features: {}", joined(&inside.features))?;
        }
        if !self.seen.snapshots.is_empty() {
            write!(f, "\n  snapshots: {}", joined(self.seen.snapshots.keys()))?;
        }
        match self.health() {
            Health::Ailing(why) if self.runs() => write!(f, "\n  sick: {why}")?,
            Health::Ailing(_) | Health::Healthy => {}
        }
        Ok(())
    }
}

impl fmt::Display for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, fault, met, .. } = self;
        write!(f, "fault {id}: {:?}", fault.trouble)?;
        write!(f, " at {}", fault.kind.as_deref().unwrap_or("any change"))?;
        match fault.guest {
            Some(guest) => write!(f, " of {guest}")?,
            None => f.write_str(" of any guest")?,
        }
        write!(f, ", from number {} on", fault.nth)?;
        match fault.times {
            Some(times) => write!(f, ", {times} times; {met} have come by"),
            None => write!(f, ", until it is removed; {met} have come by"),
        }
    }
}

fn joined<T: ToString>(names: impl IntoIterator<Item = T>) -> String {
    names.into_iter().map(|name| name.to_string()).collect::<Vec<_>>().join(", ")
}
