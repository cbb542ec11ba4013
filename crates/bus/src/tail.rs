//! Following the log: first the state of every guest, then everything as it happens.

use std::collections::VecDeque;

use async_nats::jetstream::Message;
use chrono::{DateTime, Utc};
use phoenix_domain::{Event, GuestKey, chain};
use tokio::sync::watch;

use crate::act::Act;
use crate::connect::Bus;
use crate::dead::Foreign;
use crate::error::BusError;
use crate::log::read;
use crate::names::{LOG, guest_of};
use crate::reader::{Found, Of, Reader};

/// Where to begin.
#[derive(Clone, Debug)]
pub enum From {
    /// With the last event of each guest.
    LastOfEach,
    /// With what happens from now on.
    Now,
    /// With what happened since then.
    Since(DateTime<Utc>),
    /// With the beginning.
    Beginning,
}

/// What a tail tells.
#[derive(Debug)]
pub enum Told {
    /// Something happened.
    Event {
        /// Its place in the log.
        seq: u64,
        /// What.
        event: Box<Event>,
    },
    /// Something is in the log that is not ours.
    Unreadable(Box<Foreign>),
    /// Everything that had happened before the tail began was told; once.
    CaughtUp,
    /// The log is another one, or went backwards: what was told before no longer counts.
    Rewound,
}

/// Follows the log.
pub struct Tail {
    reader: Reader,
    /// What was said in a row with what was told last.
    row: VecDeque<(u64, Event)>,
}

impl Bus {
    /// Follows the log of the cell.
    pub async fn tail(&self, from: From) -> Result<Tail, BusError> {
        self.tail_of(self.cell.logs(), from).await
    }

    /// Follows the log of one guest.
    pub async fn tail_guest(&self, guest: GuestKey, from: From) -> Result<Tail, BusError> {
        self.tail_of(self.cell.log(guest), from).await
    }

    /// Follows what else lies where a message was found that is not ours, from the beginning.
    pub async fn tail_beside(&self, foreign: &Foreign) -> Result<Tail, BusError> {
        self.tail_of(foreign.subject().to_owned(), From::Beginning).await
    }

    async fn tail_of(&self, subject: String, from: From) -> Result<Tail, BusError> {
        let of = Of { stream: LOG, subject, act: Act::ReadLog, doing: "following the log" };
        Ok(Tail { reader: Reader::begin(self, of, from).await?, row: VecDeque::new() })
    }
}

impl Tail {
    /// Returns what happens next. It never ends, and may be dropped at any point.
    pub async fn next(&mut self) -> Told {
        loop {
            if let Some((seq, event)) = self.row.pop_front() {
                return Told::Event { seq, event: Box::new(event) };
            }
            match self.reader.next().await {
                Found::Message(message, seq) => {
                    if let Err(foreign) = self.take(&message, seq) {
                        return Told::Unreadable(foreign);
                    }
                }
                Found::CaughtUp => return Told::CaughtUp,
                Found::Rewound => return Told::Rewound,
            }
        }
    }

    /// Returns what tells whether the log is followed now; it is not while NATS is away.
    pub fn is_followed(&self) -> watch::Receiver<bool> {
        self.reader.is_reading()
    }

    /// Says whether more was said in a row with what was told last: the guest is further already,
    /// and the next event follows at once.
    pub fn is_within_a_row(&self) -> bool {
        !self.row.is_empty()
    }

    /// Takes in what was said in a row.
    fn take(&mut self, message: &Message, seq: u64) -> Result<(), Box<Foreign>> {
        let guest = guest_of(&message.subject);
        let told = match guest {
            Some(guest) => read(guest, &message.payload).map_err(|err| chain(&err)),
            None => Err("its subject names no guest".to_owned()),
        };
        match told {
            Ok(events) => {
                self.row.extend(events.into_iter().map(|event| (seq, event)));
                Ok(())
            }
            Err(cause) => Err(Box::new(Foreign::of(message, LOG, seq, guest, cause))),
        }
    }
}
