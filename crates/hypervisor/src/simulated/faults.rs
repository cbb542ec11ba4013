//! What is to go wrong on a simulated host, on demand.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use phoenix_domain::GuestKey;
use serde::{Deserialize, Serialize};

use super::folder::Folder;
use crate::HostError;

const FILE: &str = "faults.json";

/// The kind under which a look can go wrong.
pub(super) const LOOK: &str = "look";

/// Something that is to go wrong: the `nth` change that fits, and `times` changes from there on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What goes wrong.
    pub trouble: Trouble,
    /// Only with this guest.
    #[serde(default)]
    pub guest: Option<GuestKey>,
    /// Only with changes of this kind, which is one of [`super::admin::fault_kinds`].
    #[serde(default)]
    pub kind: Option<String>,
    /// From which fitting change on, the first being 1.
    #[serde(default = "one")]
    pub nth: u32,
    /// With how many; absent means until the fault is removed.
    #[serde(default = "once")]
    pub times: Option<u32>,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Trouble {
    /// The change fails before it has an effect, and may work when tried again.
    Fail,
    /// The change is refused, as often as it is tried.
    Refuse,
    /// The change has its effect, and fails afterwards.
    LoseAnswer,
    /// The change has no effect, and ends well.
    Lie,
    /// A creation fails in its middle and leaves what it has made so far.
    Half,
    /// The change stops in its middle: for that long, or until it is ended.
    Hang {
        /// For how long, in ms.
        ms: Option<u64>,
    },
    /// The change takes that much longer.
    Slow {
        /// How much, in ms.
        ms: u64,
    },
    /// The guest is locked by something else; with a time, from the first refusal on.
    Locked {
        /// For how long, in ms.
        ms: Option<u64>,
    },
    /// The storage is full.
    Full,
    /// The host does not answer, to a look as little as to a change.
    Gone,
    /// The process that started the change is killed, and the change is on its own from there on.
    /// Only a change in a process of its own can do that.
    KillStarter {
        /// At which point of the change.
        at: Moment,
    },
}

/// A point of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// Nothing is begun, and nothing will be: the change ends here.
    Before,
    /// It is begun, and goes on to its end.
    During,
    /// Its effect is there, and nobody was told.
    After,
}

/// A fault that waits or is at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Its id: what it is removed by.
    pub id: u32,
    /// The fault.
    #[serde(flatten)]
    pub fault: Fault,
    /// How many changes have fitted so far.
    #[serde(default)]
    pub met: u32,
    /// Until when a lock is held, in ms since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
}

/// All faults, and the last id that was given.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Faults {
    last: u32,
    pending: Vec<Pending>,
}

impl Fault {
    /// Returns a fault of the first change of any guest.
    pub fn new(trouble: Trouble) -> Self {
        Self { trouble, guest: None, kind: None, nth: 1, times: Some(1) }
    }

    /// Waits for the nth change that fits.
    #[must_use]
    pub fn nth(self, nth: u32) -> Self {
        Self { nth, ..self }
    }

    /// Fits only changes of this kind.
    #[must_use]
    pub fn kind(self, kind: &str) -> Self {
        Self { kind: Some(kind.to_owned()), ..self }
    }

    /// Fits only this guest.
    #[must_use]
    pub fn guest(self, guest: GuestKey) -> Self {
        Self { guest: Some(guest), ..self }
    }

    /// Goes on until it is removed.
    #[must_use]
    pub fn always(self) -> Self {
        Self { times: None, ..self }
    }

    /// Strikes that often.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    fn fits(&self, guest: GuestKey, kind: &str) -> bool {
        let is_of_guest = self.guest.is_none_or(|only| only == guest);
        let is_of_kind = match &self.kind {
            Some(only) => only == kind,
            // A look is no change; only a host that is gone is gone for it, too.
            None => kind != LOOK || self.trouble == Trouble::Gone,
        };
        is_of_guest && is_of_kind
    }
}

/// Adds a fault, and returns its id.
pub(super) fn add(folder: &Folder, fault: Fault) -> Result<u32, HostError> {
    edit(folder, |faults| {
        faults.last += 1;
        let id = faults.last;
        faults.pending.push(Pending { id, fault, met: 0, until_ms: None });
        id
    })
}

/// Returns those that have not struck for the last time.
pub(super) fn list(folder: &Folder) -> Result<Vec<Pending>, HostError> {
    Ok(folder.read::<Faults>(FILE)?.unwrap_or_default().pending)
}

/// Removes a fault; says whether there was one.
pub(super) fn remove(folder: &Folder, id: u32) -> Result<bool, HostError> {
    edit(folder, |faults| {
        let before = faults.pending.len();
        faults.pending.retain(|fault| fault.id != id);
        faults.pending.len() < before
    })
}

/// Returns what goes wrong with this change. Every fault that fits counts it; the oldest strikes.
pub(super) fn strike(
    folder: &Folder,
    guest: GuestKey,
    kind: &str,
) -> Result<Option<Trouble>, HostError> {
    // The ordinary case costs no lock.
    if list(folder)?.iter().all(|pending| !pending.fault.fits(guest, kind)) {
        return Ok(None);
    }
    let now = now_ms();
    edit(folder, |faults| {
        let mut struck = None;
        for pending in &mut faults.pending {
            if pending.fault.fits(guest, kind) {
                let strikes = pending.count(now);
                struck = struck.or_else(|| strikes.then(|| pending.fault.trouble.clone()));
            }
        }
        faults.pending.retain(|pending| !pending.is_over(now));
        struck
    })
}

impl Pending {
    /// Counts a change that fits; says whether it is struck.
    fn count(&mut self, now: u64) -> bool {
        self.met = self.met.saturating_add(1);
        let strikes = self.met >= self.fault.nth && !self.is_spent();
        if let (true, Trouble::Locked { ms: Some(ms) }, None) =
            (strikes, &self.fault.trouble, self.until_ms)
        {
            self.until_ms = Some(now.saturating_add(*ms));
        }
        strikes && self.until_ms.is_none_or(|until| now < until)
    }

    /// Says whether more changes have fitted than are to be struck.
    fn is_spent(&self) -> bool {
        // What is held for a time ends with that.
        if let Trouble::Locked { ms: Some(_) } = self.fault.trouble {
            return false;
        }
        let struck = (self.met + 1).saturating_sub(self.fault.nth);
        self.fault.times.is_some_and(|times| struck > times)
    }

    /// Says whether it will never strike again.
    fn is_over(&self, now: u64) -> bool {
        if let Trouble::Locked { ms: Some(_) } = self.fault.trouble {
            return self.until_ms.is_some_and(|until| now >= until);
        }
        let struck = (self.met + 1).saturating_sub(self.fault.nth);
        self.fault.times.is_some_and(|times| struck >= times)
    }
}

fn edit<T>(folder: &Folder, with: impl FnOnce(&mut Faults) -> T) -> Result<T, HostError> {
    let _held = folder.hold(FILE)?;
    let mut faults = folder.read::<Faults>(FILE)?.unwrap_or_default();
    let answer = with(&mut faults);
    folder.write(FILE, &faults)?;
    Ok(answer)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a lock that is held for a time needs a clock, and its processes share no other"
)]
fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

fn one() -> u32 {
    1
}

#[expect(clippy::unnecessary_wraps, reason = "serde asks for the type of the field")]
fn once() -> Option<u32> {
    Some(1)
}
