//! Makes one change on a simulated host, as slowly and as badly as it was asked to.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use phoenix_domain::{Change, GuestKey, Health, Made, StorageId, VolumeSource};

use super::effect::{self, Left, Scene};
use super::faults::{self, Moment, Trouble};
use super::folder::{Folder, unreachable};
use super::guest::{SimulatedGuest, half_made, has_effect};
use super::ledger::{self, Mark};
use super::order::ChangeOrder;
use super::refusal::Refuse;
use super::settings::Settings;
use super::starter;
use crate::{HostError, Lock};

/// How often the health of a guest is looked at.
const HEALTH_POLL: Duration = Duration::from_millis(20);

/// How long a change sleeps at once where nothing tells it when to wake.
const NAP: Duration = Duration::from_millis(500);

/// Makes the change of an order. With a limit it ends itself; without one somebody else ends it.
pub(super) fn run(
    folder: &Folder,
    order: &ChangeOrder,
    limit: Option<Duration>,
) -> Result<(), HostError> {
    let clock = Clock { begun: Instant::now(), limit };
    let settings = folder.settings()?;
    let key = GuestKey::from(&order.guest);
    let refuse = Refuse { change: &order.change };
    let trouble = faults::strike(folder, key, order.change.kind())?;
    let latency = settings.latency(&order.change);
    match &trouble {
        Some(Trouble::Gone) => return Err(gone()),
        Some(Trouble::Fail) => return Err(refuse.for_now("a fault was asked for")),
        Some(Trouble::Refuse) => return Err(refuse.for_good("a fault was asked for")),
        Some(Trouble::Locked { .. }) => return Err(refuse.locked("a fault was asked for")),
        Some(Trouble::Full) => {
            let storage = order.guest.root_disk.storage.to_string();
            return Err(HostError::Full { storage });
        }
        Some(Trouble::Lie) => return clock.sleep(latency, &refuse),
        Some(Trouble::KillStarter { .. }) if limit.is_some() => {
            return Err(refuse.for_good("a fault was asked for that takes a process of its own"));
        }
        Some(Trouble::KillStarter { at: Moment::Before }) => {
            starter::kill();
            return Err(refuse.for_now("who started it is dead, as was asked for"));
        }
        Some(
            Trouble::LoseAnswer
            | Trouble::Half
            | Trouble::Hang { .. }
            | Trouble::Slow { .. }
            | Trouble::KillStarter { at: Moment::During | Moment::After },
        )
        | None => {}
    }
    if !has_effect(&order.change) {
        clock.suffer(trouble.as_ref(), &refuse)?;
        return await_health(folder, order, &settings, &refuse, &clock);
    }

    let wait = Duration::from_millis(settings.lock_wait_ms);
    let _lock = folder.lock_guest(order.guest.vmid, wait)?;
    folder.settle(key)?;
    let before = folder.guest(order.guest.vmid)?;
    let parent = order.guest.parent().map(|parent| folder.guest(parent)).transpose()?.flatten();
    let kept = folder.kept(order.guest.vmid)?;
    let scene = Scene {
        want: &order.guest,
        change: &order.change,
        parent: parent.as_ref(),
        kept: &kept,
        beside: folder.beside(order.guest.vmid)?,
        settings: &settings,
    };
    let left = effect::after(&scene, before.clone())?;
    let room = take_room(folder, &settings, &refuse, before.as_ref(), &left)?;
    ledger::write(folder, key, &order.change, Mark::Begun)?;
    if trouble == Some(Trouble::KillStarter { at: Moment::During }) {
        starter::kill();
    }
    if let (Change::Create { .. }, Left::Guest(guest)) = (&order.change, &left) {
        // From here on the number and the room are taken, whatever happens to us.
        let disk = guest.seen.root_disk.clone();
        let mut half = half_made(key, disk, guest.seen.unprivileged);
        half.seen.volumes.clone_from(&guest.seen.volumes);
        half.unused.clone_from(&guest.unused);
        folder.put(&half)?;
        drop(room);
    }
    let done = clock
        .sleep(latency, &refuse)
        .and_then(|()| clock.suffer(trouble.as_ref(), &refuse))
        .and_then(|()| match left {
            Left::Guest(guest) => {
                folder.put(&guest)?;
                folder.keep(order.guest.vmid, &[])
            }
            Left::Aside { guest, kept } => {
                folder.keep(order.guest.vmid, &kept)?;
                folder.set_aside(key, &guest)
            }
            Left::Nothing { kept } => {
                folder.keep(order.guest.vmid, &kept)?;
                folder.remove(before.map_or(key, |guest| guest.guest))
            }
        });
    let mark = if done.is_ok() { Mark::Done } else { Mark::Failed };
    ledger::write(folder, key, &order.change, mark)?;
    done?;
    match trouble {
        Some(Trouble::LoseAnswer) => Err(refuse.for_now("its answer was lost, as was asked for")),
        Some(Trouble::KillStarter { at: Moment::After }) => {
            starter::kill();
            Ok(())
        }
        Some(_) | None => Ok(()),
    }
}

/// Says that the host does not answer.
pub(super) fn gone() -> HostError {
    unreachable(io::Error::new(io::ErrorKind::HostUnreachable, "a fault was asked for"))
}

/// How much time a change has.
struct Clock {
    begun: Instant,
    limit: Option<Duration>,
}

impl Clock {
    /// Sleeps that long, or until the time is over.
    fn sleep(&self, time: Duration, refuse: &Refuse<'_>) -> Result<(), HostError> {
        let Some(limit) = self.limit else {
            thread::sleep(time);
            return Ok(());
        };
        let left = limit.saturating_sub(self.begun.elapsed());
        thread::sleep(time.min(left));
        if time <= left {
            return Ok(());
        }
        Err(HostError::TimedOut { what: refuse.what(), limit, output: String::new() })
    }

    /// Does what a fault does to a change in its middle.
    fn suffer(&self, trouble: Option<&Trouble>, refuse: &Refuse<'_>) -> Result<(), HostError> {
        match trouble {
            Some(Trouble::Hang { ms: Some(ms) } | Trouble::Slow { ms }) => {
                self.sleep(Duration::from_millis(*ms), refuse)
            }
            Some(Trouble::Hang { ms: None }) => loop {
                self.sleep(NAP, refuse)?;
            },
            Some(Trouble::Half) => Err(refuse.for_now("it was cut off, as was asked for")),
            Some(
                Trouble::Fail
                | Trouble::Refuse
                | Trouble::LoseAnswer
                | Trouble::Lie
                | Trouble::Locked { .. }
                | Trouble::Full
                | Trouble::Gone
                | Trouble::KillStarter { .. },
            )
            | None => Ok(()),
        }
    }
}

/// Sees that there is room for what the change adds; nobody else is given that room meanwhile.
fn take_room(
    folder: &Folder,
    settings: &Settings,
    refuse: &Refuse<'_>,
    before: Option<&SimulatedGuest>,
    left: &Left,
) -> Result<Vec<Lock>, HostError> {
    let Left::Guest(after) = left else { return Ok(Vec::new()) };
    let volumes = after.seen.volumes.iter().filter_map(|volume| match &volume.source {
        VolumeSource::Storage { storage, .. } => Some(storage),
        VolumeSource::Host { .. } | VolumeSource::Nfs { .. } => None,
    });
    // In one order, so that no two changes wait for each other.
    let mut storages: Vec<&StorageId> = volumes.chain([&after.seen.root_disk.storage]).collect();
    storages.sort_unstable();
    storages.dedup();
    let mut locks = Vec::new();
    for storage in storages {
        let had = before.map_or(0, |guest| guest.takes(storage));
        let more = after.takes(storage).saturating_sub(had);
        if more == 0 {
            continue;
        }
        locks.push(folder.lock_storage(storage)?);
        match folder.free(settings, storage)? {
            None => return Err(refuse.for_good(&format!("storage '{storage}' does not exist"))),
            Some(free) if free < more => {
                return Err(HostError::Full { storage: storage.to_string() });
            }
            Some(_) => {}
        }
    }
    Ok(locks)
}

/// Waits until the guest is healthy, and not for ever.
fn await_health(
    folder: &Folder,
    order: &ChangeOrder,
    settings: &Settings,
    refuse: &Refuse<'_>,
    clock: &Clock,
) -> Result<(), HostError> {
    let begun = Instant::now();
    loop {
        let guest = folder.guest(order.guest.vmid)?;
        let guest = guest.filter(|guest| guest.seen.made == Made::Whole);
        let Some(guest) = guest else { return Err(refuse.for_now("it does not exist")) };
        match guest.health() {
            Health::Healthy => return Ok(()),
            Health::Ailing(why)
                if begun.elapsed() >= Duration::from_millis(settings.health_wait_ms) =>
            {
                return Err(refuse.for_now(&why));
            }
            Health::Ailing(_) => clock.sleep(HEALTH_POLL, refuse)?,
        }
    }
}
