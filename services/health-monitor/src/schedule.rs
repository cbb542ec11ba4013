//! Says whose turn it is to be asked, and asks.
//!
//! Every endpoint has a time of its own in the period, and goes by the monitor's own clock: who sets the
//! time of the machine moves nothing, and who was stopped for an hour asks nobody 360 times. A question
//! that waits for its answer holds up no other endpoint, but those of the same guest.

mod agenda;
mod dice;
mod pulse;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use phoenix_domain::GuestKey;
use phoenix_domain::health::{Found, Probe, Reading, Reason, Silence};
use rustc_hash::FxHashMap;
use secrecy::SecretString;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::probes::{Asker, Memory};

use self::agenda::{Agenda, Turn};
pub use self::pulse::Pulse;

/// How late the schedule itself may wake. When it is later, the machine or the program stood still.
const STANDSTILL: Duration = Duration::from_secs(2);
/// Those whose turn comes within this time are asked together: waking for each costs as much as asking it.
const GATHER: Duration = Duration::from_millis(10);
/// The longest sleep, so that a standstill is seen when there is nothing to do as well.
const NAP: Duration = Duration::from_millis(500);

/// Somebody to be asked again and again.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The guest. Of each, one probe is asked at a time.
    pub guest: GuestKey,
    /// Where it is.
    pub at: IpAddr,
    /// What is asked.
    pub probe: Probe,
    /// What lets the monitor in.
    pub key: Option<SecretString>,
}

impl Endpoint {
    fn name(&self) -> Name {
        (self.guest, self.probe.name.clone())
    }

    /// Says whether both are asked the same. A key is compared by who holds it, not by what it is.
    fn is_same(&self, other: &Self) -> bool {
        let has_key = self.key.is_some() == other.key.is_some();
        self.at == other.at && self.probe == other.probe && has_key
    }
}

/// An endpoint among all: the guest, and the name of the probe.
pub type Name = (GuestKey, Box<str>);

/// What an endpoint said.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// Of whom.
    pub guest: GuestKey,
    /// By which probe.
    pub probe: Box<str>,
    /// What.
    pub reading: Reading,
}

/// Whoever asks. The schedule only says when.
pub trait Asks: Clone + Send + 'static {
    /// Asks this endpoint. It has an end.
    fn ask(&self, endpoint: &Endpoint, memory: &mut Memory)
    -> impl Future<Output = Reading> + Send;
    /// Returns a reading of an endpoint that could not be asked, for the fault is the monitor's.
    fn unasked(&self, endpoint: &Endpoint, why: &str) -> Reading;
}

impl Asks for Asker {
    async fn ask(&self, endpoint: &Endpoint, memory: &mut Memory) -> Reading {
        Self::ask(self, endpoint.at, &endpoint.probe, endpoint.key.as_ref(), memory).await
    }

    fn unasked(&self, endpoint: &Endpoint, why: &str) -> Reading {
        Self::unasked(self, &endpoint.probe, Reason::MonitorSick, why)
    }
}

/// How often all are asked, and how many at once.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    /// The time from one question to the next, a fifth more or less.
    pub period: Duration,
    /// The most questions that wait for their answers at once; whoever's turn it is then waits too, and
    /// that is told as lateness.
    pub at_once: usize,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self { period: Duration::from_secs(10), at_once: 4096 }
    }
}

struct Slot {
    endpoint: Arc<Endpoint>,
    /// Away while it is asked.
    memory: Option<Memory>,
}

/// Says whose turn it is to be asked, and asks.
pub struct Schedule<A> {
    asker: A,
    rhythm: Rhythm,
    agenda: Agenda,
    slots: FxHashMap<u32, Slot>,
    names: FxHashMap<Name, u32>,
    last_slot: u32,
    asking: JoinSet<(Reading, Memory)>,
    asked: FxHashMap<Id, (Turn, Instant)>,
    pulse: Pulse,
    /// When it will have woken by itself, if nothing stands still.
    wakes: Instant,
    stood_still: Option<Instant>,
}

impl<A: Asks> Schedule<A> {
    /// Returns one with nobody in it. `seed` makes the times in the period; two monitors had better not
    /// have the same.
    pub fn new(asker: A, rhythm: Rhythm, seed: u64) -> Self {
        let now = Instant::now();
        Self {
            asker,
            rhythm,
            agenda: Agenda::new(rhythm.period, seed),
            slots: FxHashMap::default(),
            names: FxHashMap::default(),
            last_slot: 0,
            asking: JoinSet::new(),
            asked: FxHashMap::default(),
            pulse: Pulse::default(),
            wakes: now + NAP,
            stood_still: None,
        }
    }

    /// Returns how many are asked.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Says whether nobody is asked.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Has this endpoint asked from now on, instead of one of the same name. One that is asked the same
    /// already keeps its turn, and what is known of it.
    pub fn add(&mut self, endpoint: Endpoint) {
        let name = endpoint.name();
        if let Some(slot) = self.names.get(&name).and_then(|slot| self.slots.get_mut(slot))
            && slot.endpoint.is_same(&endpoint)
        {
            // The key may be a new one.
            slot.endpoint = Arc::new(endpoint);
            return;
        }
        self.remove(&name);
        if self.slots.is_empty() {
            // Nobody was asked, so nobody stood still.
            self.wakes = Instant::now() + NAP;
        }
        self.last_slot = self.last_slot.wrapping_add(1);
        let slot = self.last_slot;
        self.agenda.begin(Turn { slot, guest: endpoint.guest }, Instant::now());
        let endpoint = Arc::new(endpoint);
        self.slots.insert(slot, Slot { endpoint, memory: Some(Memory::default()) });
        self.names.insert(name, slot);
    }

    /// Has an endpoint asked no more. What it says to a question that is under way is not told.
    pub fn remove(&mut self, name: &Name) {
        if let Some(slot) = self.names.remove(name) {
            self.slots.remove(&slot);
        }
    }

    /// Returns the names of all.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.names.keys()
    }

    /// Asks whose turn it is, and returns what the next one said. Nothing is lost when this is dropped.
    pub async fn next(&mut self) -> Heard {
        loop {
            let now = Instant::now();
            if now > self.wakes + STANDSTILL {
                self.stood_still = Some(now);
                self.pulse.stood_still(now - self.wakes);
                self.agenda.spread(now);
            }
            self.ask_whose_turn_it_is(now);
            let next = self.agenda.next().filter(|_| self.asking.len() < self.rhythm.at_once);
            self.wakes = next.map_or(now + NAP, |next| next + GATHER).clamp(now, now + NAP);
            tokio::select! {
                biased;
                Some(done) = self.asking.join_next_with_id() => {
                    let (id, said) = match done {
                        Ok((id, said)) => (id, Some(said)),
                        Err(err) => (err.id(), None),
                    };
                    if let Some(heard) = self.hear(id, said) {
                        return heard;
                    }
                }
                () = sleep_until(self.wakes) => {}
            }
        }
    }

    /// Returns how the schedule itself is since this was asked last.
    pub fn pulse(&mut self) -> Pulse {
        std::mem::take(&mut self.pulse)
    }

    fn ask_whose_turn_it_is(&mut self, now: Instant) {
        while self.asking.len() < self.rhythm.at_once {
            let Some((turn, late)) = self.agenda.pop(now) else { return };
            let Some(slot) = self.slots.get_mut(&turn.slot) else {
                // Nobody asks it any more; but its guest may have another probe that waits.
                self.agenda.forget(turn);
                continue;
            };
            if let Some(late) = late {
                self.pulse.was_late(late);
            }
            let (asker, endpoint) = (self.asker.clone(), Arc::clone(&slot.endpoint));
            let mut memory = slot.memory.take().unwrap_or_default();
            let task = self.asking.spawn(async move {
                let reading = asker.ask(&endpoint, &mut memory).await;
                (reading, memory)
            });
            self.asked.insert(task.id(), (turn, now));
        }
    }

    fn hear(&mut self, id: Id, said: Option<(Reading, Memory)>) -> Option<Heard> {
        let (turn, asked) = self.asked.remove(&id)?;
        let Some(slot) = self.slots.get_mut(&turn.slot) else {
            self.agenda.forget(turn);
            return None;
        };
        self.agenda.done(turn, Instant::now());
        let (mut reading, memory) = said.unwrap_or_else(|| {
            let why = "the probe broke down, which is a fault of the monitor";
            (self.asker.unasked(&slot.endpoint, why), Memory::default())
        });
        slot.memory = Some(memory);
        let is_silent = reading.found == Found::Silent(Silence::TimedOut);
        self.pulse.was_asked(is_silent);
        if is_silent && self.stood_still.is_some_and(|stood_still| asked < stood_still) {
            // The time ran out while nobody listened.
            reading.found = Found::Unasked(Reason::MonitorSick);
        }
        let (guest, probe) = (slot.endpoint.guest, slot.endpoint.probe.name.clone());
        Some(Heard { guest, probe, reading })
    }
}

#[cfg(test)]
mod tests;
