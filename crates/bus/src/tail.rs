//! Following the log: first the state of every guest, then everything as it happens.
//!
//! The server keeps nothing for a tail but a consumer that dies with it. One that falls silent,
//! or whose server was away, is rebuilt behind the last event it told.

use std::collections::VecDeque;
use std::time::Duration;

use async_nats::jetstream::consumer::push::{Ordered, OrderedConfig};
use async_nats::jetstream::consumer::{Consumer, DeliverPolicy};
use async_nats::jetstream::{Message, stream::Stream};
use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use phoenix_domain::{Event, GuestKey, chain};
use tokio::sync::watch;
use tracing::{debug, warn};

use crate::connect::Bus;
use crate::dead::Foreign;
use crate::error::{BusError, Failing as _};
use crate::log::read;
use crate::names::{LOG, guest_of};

/// How long to wait before a tail that broke is rebuilt.
const PAUSE: Duration = Duration::from_millis(200);

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
    bus: Bus,
    from: From,
    subject: String,
    stream: Option<Ordered>,
    connected: watch::Receiver<u64>,
    last: u64,
    /// What was said in a row with what was told last.
    row: VecDeque<(u64, Event)>,
    /// The sequence with which everything there was is told; absent once that was said.
    caught_up_at: Option<u64>,
    /// Nothing was there when the tail began.
    is_empty: bool,
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

    async fn tail_of(&self, subject: String, from: From) -> Result<Tail, BusError> {
        let mut tail = Tail {
            bus: self.clone(),
            from,
            subject,
            stream: None,
            connected: self.connected(),
            last: 0,
            row: VecDeque::new(),
            caught_up_at: Some(0),
            is_empty: false,
        };
        tail.build().await?;
        Ok(tail)
    }
}

impl Tail {
    /// Returns what happens next. It never ends, and may be dropped at any point.
    pub async fn next(&mut self) -> Told {
        if let Some((seq, event)) = self.row.pop_front() {
            return Told::Event { seq, event: Box::new(event) };
        }
        if self.is_empty {
            self.is_empty = false;
            self.caught_up_at = None;
            return Told::CaughtUp;
        }
        if self.caught_up_at.is_some_and(|seq| seq > 0 && self.last >= seq) {
            self.caught_up_at = None;
            return Told::CaughtUp;
        }
        loop {
            let Some(stream) = &mut self.stream else {
                tokio::time::sleep(PAUSE).await;
                match self.build().await {
                    Ok(true) => return Told::Rewound,
                    Ok(false) => debug!(from = self.last + 1, "tail rebuilt"),
                    Err(err) => debug!(%err, "tail not rebuilt yet"),
                }
                continue;
            };
            tokio::select! {
                message = stream.next() => match message {
                    Some(Ok(message)) => if let Some(told) = self.tell(&message) {
                        return told;
                    },
                    Some(Err(err)) => {
                        warn!(%err, "the tail of the log fell silent; it is rebuilt");
                        self.stream = None;
                    }
                    None => self.stream = None,
                },
                changed = self.connected.changed() => {
                    if changed.is_err() {
                        // The connection is gone for good; there is nothing to wait for.
                        std::future::pending::<()>().await;
                    }
                    self.stream = None;
                }
            }
        }
    }

    /// Says whether more was said in a row with what was told last: the guest is further already,
    /// and the next event follows at once.
    pub fn is_within_a_row(&self) -> bool {
        !self.row.is_empty()
    }

    fn tell(&mut self, message: &Message) -> Option<Told> {
        let info = message.info().ok()?;
        let (seq, pending) = (info.stream_sequence, info.pending);
        if seq <= self.last {
            return None;
        }
        self.last = seq;
        if pending == 0 && self.caught_up_at.is_some() {
            self.caught_up_at = Some(seq);
        }
        let guest = guest_of(&message.subject);
        let told = match guest {
            Some(guest) => read(guest, &message.payload).map_err(|err| chain(&err)),
            None => Err("its subject names no guest".to_owned()),
        };
        match told {
            Ok(events) => self.row.extend(events.into_iter().map(|event| (seq, event))),
            Err(cause) => {
                let foreign = Foreign::of(message, LOG, seq, guest, cause);
                return Some(Told::Unreadable(Box::new(foreign)));
            }
        }
        let (seq, event) = self.row.pop_front()?;
        Some(Told::Event { seq, event: Box::new(event) })
    }

    /// Builds the consumer, and says whether the log is another one than before.
    async fn build(&mut self) -> Result<bool, BusError> {
        self.connected.mark_unchanged();
        let log = self.bus.jetstream.get_stream(LOG).await.failing("following the log")?;
        let newest = log.cached_info().state.last_sequence;
        let is_rewound = newest < self.last;
        if is_rewound {
            warn!(was = self.last, is = newest, "the log went backwards");
            self.last = 0;
        }
        let policy = match (self.last, &self.from) {
            (0, _) if is_rewound => DeliverPolicy::LastPerSubject,
            (0, From::LastOfEach) => DeliverPolicy::LastPerSubject,
            (0, From::Now) => {
                self.last = newest;
                if newest == 0 {
                    // Rebuilt before anything was told, it must not skip what came first.
                    self.from = From::Beginning;
                }
                DeliverPolicy::ByStartSequence { start_sequence: newest + 1 }
            }
            (0, From::Since(time)) => DeliverPolicy::ByStartTime { start_time: *time },
            (0, From::Beginning) => DeliverPolicy::All,
            (last, _) => DeliverPolicy::ByStartSequence { start_sequence: last + 1 },
        };
        let consumer = consumer(&self.bus, &log, &self.subject, policy).await?;
        if self.caught_up_at.is_some() {
            self.is_empty = consumer.cached_info().num_pending == 0;
        }
        self.stream = Some(consumer.messages().await.failing("following the log")?);
        Ok(is_rewound)
    }
}

async fn consumer(
    bus: &Bus,
    log: &Stream,
    subject: &str,
    deliver_policy: DeliverPolicy,
) -> Result<Consumer<OrderedConfig>, BusError> {
    log.create_consumer(OrderedConfig {
        deliver_subject: bus.client.new_inbox(),
        filter_subject: subject.to_owned(),
        deliver_policy,
        ..OrderedConfig::default()
    })
    .await
    .failing("following the log")
}
