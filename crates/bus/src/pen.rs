//! The pen of a claim: writes what a worker says about one guest, in order, on the guest's log.
//!
//! Whoever speaks does not wait for the disk. What was said is gathered while the append before
//! it is on its way, so that a guest in a hurry costs few appends; [`Pen::settled`] waits for all
//! of it, and [`Pen::lag`] tells how far behind the log is.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use phoenix_domain::{End as LogEnd, Event, Fact, GuestKey, Landing, Record, landing};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::connect::{Bus, patience};
use crate::error::BusError;
use crate::log::{End, Teller};
use crate::publish::{Ack, Unacknowledged, appending};

/// How long to wait before an append is tried again.
const PAUSE: Duration = Duration::from_millis(50);
/// How long at most, where it keeps failing.
const LONG_PAUSE: Duration = Duration::from_secs(2);

/// How long an append may stay unanswered, by a server that answers otherwise, before somebody is told.
const UNHEARD: Duration = Duration::from_secs(10);

/// How large a message of several events may become; the stream takes twice that.
const ROW: usize = 128 * 1024;
/// What an event weighs besides its spec, generously.
const OVERHEAD: usize = 4 * 1024;

/// Writes what a worker says about one guest.
pub struct Pen {
    bus: Bus,
    teller: Teller,
    guest: GuestKey,
    claim: String,
    said: Mutex<Said>,
    more: Notify,
    written: watch::Sender<Written>,
}

#[derive(Default)]
struct Said {
    facts: Vec<(Fact, Instant)>,
    /// When the oldest of what is on its way was said.
    under_way: Option<Instant>,
    count: u64,
}

/// What is in the log.
#[derive(Clone, Debug)]
struct Written {
    count: u64,
    end: End,
    stopped: Option<Stopped>,
}

/// Why the pen writes no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Somebody else holds the guest.
    Fenced,
}

impl Pen {
    /// Returns the pen of a claim on a guest whose log is at `end`.
    pub fn new(bus: Bus, teller: Teller, claim: String, end: End) -> Self {
        let guest = end.event.state.guest;
        let written = watch::Sender::new(Written { count: 0, end, stopped: None });
        let said = Mutex::new(Said::default());
        Self { bus, teller, guest, claim, said, more: Notify::new(), written }
    }

    /// Returns the trace that what it says belongs to.
    pub fn traceparent(&self) -> Option<&str> {
        self.teller.traceparent.as_deref()
    }

    /// Says something. It is written when it is its turn.
    pub fn say(&self, fact: impl Into<Fact>) {
        let mut said = self.lock();
        said.facts.push((fact.into(), Instant::now()));
        said.count += 1;
        drop(said);
        self.more.notify_one();
    }

    /// Waits until everything that was said is in the log, and returns where that ends now.
    pub async fn settled(&self) -> Result<End, Stopped> {
        let count = self.lock().count;
        let mut written = self.written.subscribe();
        let reached = written.wait_for(|now| now.stopped.is_some() || now.count >= count).await;
        match reached {
            Ok(now) => match now.stopped {
                None => Ok(now.end.clone()),
                Some(stopped) => Err(stopped),
            },
            // The pen itself keeps the other side open.
            Err(_) => Err(Stopped::Fenced),
        }
    }

    /// Asks the log whether the claim still holds. Whoever was suspended for a while has to: it may
    /// have been overtaken, and nobody could tell it.
    pub async fn confirm(&self) -> Result<(), Stopped> {
        let end = self.read_end(&mut PAUSE.clone()).await;
        let holder = end.and_then(|end| end.event.state.work.claim);
        if holder.is_some_and(|holder| holder.id == self.claim) {
            return Ok(());
        }
        warn!(guest = %self.guest, "somebody else holds this guest now");
        self.written.send_modify(|written| written.stopped = Some(Stopped::Fenced));
        Err(Stopped::Fenced)
    }

    /// Returns how long the oldest thing that was said waits to be in the log.
    pub fn lag(&self) -> Duration {
        let said = self.lock();
        let oldest = said.under_way.or_else(|| said.facts.first().map(|(_, since)| *since));
        oldest.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Returns the last state that is known to be in the log.
    pub fn state(&self) -> Record {
        self.written.borrow().end.event.state.clone()
    }

    /// Returns why nothing is written any more.
    pub fn stopped(&self) -> Option<Stopped> {
        self.written.borrow().stopped
    }

    /// Does the writing. It ends when the pen is stopped; until then it waits for more.
    pub async fn write(&self) {
        loop {
            let facts = self.take();
            if facts.is_empty() {
                self.more.notified().await;
                continue;
            }
            let count = u64::try_from(facts.len()).unwrap_or(0);
            let end = self.append(facts).await;
            let stopped = end.is_none().then_some(Stopped::Fenced);
            self.lock().under_way = None;
            self.written.send_modify(|written| {
                written.count += count;
                written.stopped = stopped;
                if let Some(end) = end {
                    written.end = end;
                }
            });
            if stopped.is_some() {
                return;
            }
        }
    }

    fn take(&self) -> Vec<Fact> {
        // Each event carries the spec, and a message may only be so large.
        let weight = self.written.borrow().end.event.state.desired.spec.len() + OVERHEAD;
        let mut said = self.lock();
        said.under_way = said.facts.first().map(|(_, since)| *since);
        let most = said.facts.len().min((ROW / weight).max(1));
        said.facts.drain(..most).map(|(fact, _)| fact).collect()
    }

    /// Appends facts in a row, whatever it takes. Returns nothing once the guest is another's.
    async fn append(&self, facts: Vec<Fact>) -> Option<End> {
        let mut end = self.written.borrow().end.clone();
        let mut events = self.events(&end, facts);
        let (mut pause, begun, mut is_told) = (PAUSE, Instant::now(), false);
        loop {
            let last = events.last()?;
            let publishing = timeout(patience(begun), self.publish(&events, end.seq));
            let err = match publishing.await.unwrap_or(Err(Unacknowledged::Unknown)) {
                Ok(ack) => return Some(End { seq: ack.seq, event: events.pop()? }),
                Err(err) => err,
            };
            debug!(guest = %self.guest, ?err, "an append was not acknowledged");
            #[cfg(feature = "planted")]
            if phoenix_planted::is("drops-on-timeout") {
                return Some(End { seq: end.seq, event: events.pop()? });
            }
            let there = self.read_end(&mut pause).await;
            let log_end = there.as_ref().map(|there| LogEnd {
                seq: there.seq,
                id: &there.event.id,
                state: &there.event.state,
            });
            match (landing(last, &self.claim, end.seq, log_end), there) {
                (Landing::Landed, Some(there)) => return Some(there),
                (Landing::Rebase, Some(there)) => {
                    debug!(guest = %self.guest, "a request came in between");
                    end = there;
                    events = self.again_on(&end, events);
                }
                (Landing::Again, _) => {
                    if let Unacknowledged::Forbidden { .. } = &err {
                        debug!(guest = %self.guest, "an append was not permitted; it is tried again");
                    } else if let Unacknowledged::Refused { words, .. } = &err {
                        warn!(guest = %self.guest, %words, "an append was refused; it is tried again");
                    } else if !is_told && begun.elapsed() > UNHEARD {
                        is_told = true;
                        warn!(
                            guest = %self.guest,
                            "NATS answers, and keeps nothing that it is told: its disk may be full; make room there and start nats-server anew; until then what is done here waits, and nothing of it is lost"
                        );
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONG_PAUSE);
                }
                (Landing::Fenced | Landing::Landed | Landing::Rebase, _) => {
                    warn!(guest = %self.guest, "somebody else holds this guest now");
                    return None;
                }
            }
        }
    }

    async fn publish(&self, events: &[Event], expected: u64) -> Result<Ack, Unacknowledged> {
        let message = appending(self.bus.cell.log(self.guest), events, expected)
            .map_err(|err| Unacknowledged::Refused { code: 0, words: err.to_string() })?;
        self.bus.publish(message).await
    }

    /// Returns the events of facts in a row, each with the state it makes.
    fn events(&self, end: &End, facts: Vec<Fact>) -> Vec<Event> {
        let mut state = end.event.state.clone();
        facts
            .into_iter()
            .map(|fact| {
                if let Some(after) = Record::after(Some(&state), self.guest, &fact) {
                    state = after;
                }
                self.teller.event(fact, state.clone())
            })
            .collect()
    }

    /// Returns the same facts, told on top of another end.
    fn again_on(&self, end: &End, events: Vec<Event>) -> Vec<Event> {
        self.events(end, events.into_iter().map(|event| event.fact).collect())
    }

    /// Reads the end of the log, as often as that takes.
    async fn read_end(&self, pause: &mut Duration) -> Option<End> {
        let begun = Instant::now();
        loop {
            let reading = timeout(patience(begun), self.bus.end(self.guest));
            let unanswered = BusError::Unknown { what: "reading the log" };
            match reading.await.unwrap_or(Err(unanswered)) {
                Ok(end) => return end,
                Err(err) => {
                    debug!(guest = %self.guest, %err, "the log cannot be read");
                    tokio::time::sleep(*pause).await;
                    *pause = (*pause * 2).min(LONG_PAUSE);
                }
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Said> {
        // Nothing panics while it is held; and what was said is not worth less if it did.
        self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
