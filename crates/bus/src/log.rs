//! The log: one subject a guest, and the last event is the guest's whole state.

use std::collections::BTreeMap;

use async_nats::Message;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, RawMessageErrorKind};
use chrono::{DateTime, Utc};
use phoenix_domain::{Event, Fact, GuestKey, Record, TraceParent, Unreadable};
use tracing::warn;

use crate::act::Act;
use crate::connect::Bus;
use crate::error::{BusError, Failing as _};
use crate::names::LOG;
use crate::publish::{Unacknowledged, appending};
use crate::setup::Setup;
use crate::tail::{From, Told};

/// How often others may be faster before an append gives up.
const TRIES: u32 = 12;
/// How many messages one batch holds at most; the server takes a thousand.
pub(crate) const BATCH: usize = 900;

/// The end of a guest's log.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// The sequence of the last message, whether it can be read or not.
    pub seq: u64,
    /// The last event that can be read.
    pub event: Event,
}

/// What somebody who asks for something wants to append: a fact, or nothing because things are as
/// they should be already.
pub type Wish = Option<Fact>;

/// A fact that was appended, or the state that made it needless.
#[derive(Clone, Debug)]
pub struct Appended {
    /// The guest.
    pub guest: GuestKey,
    /// The state now.
    pub state: Record,
    /// The sequence of the fact; absent when there was nothing to append.
    pub seq: Option<u64>,
}

/// Who appends: what goes into the envelope beside the fact.
#[derive(Clone, Debug)]
pub struct Teller {
    /// Who: `//pve1/phoenix/worker`.
    pub source: String,
    /// The trace this belongs to; `None` is that of the run it is about, where it begins none.
    pub traceparent: Option<String>,
    /// The clock.
    pub clock: fn() -> DateTime<Utc>,
}

impl Teller {
    /// Begins a trace, where nobody has.
    pub fn new_trace() -> TraceParent {
        TraceParent::begin(uuid::Uuid::new_v4().as_u128())
    }

    /// Returns the event of a fact that makes `state`.
    pub(crate) fn event(&self, fact: Fact, state: Record) -> Event {
        Event {
            id: uuid::Uuid::new_v4().simple().to_string(),
            source: self.source.clone(),
            time: (self.clock)(),
            traceparent: self.traceparent.clone(),
            fact,
            state,
        }
    }
}

impl Bus {
    /// Returns the end of a guest's log. It is a hint: only an append decides.
    pub async fn end(&self, guest: GuestKey) -> Result<Option<End>, BusError> {
        self.reading(Act::ReadLog, || self.read_end(guest)).await
    }

    async fn read_end(&self, guest: GuestKey) -> Result<Option<End>, BusError> {
        let Some(last) = self.last_message(guest).await? else { return Ok(None) };
        match last_of(guest, &last.payload) {
            Ok(event) => Ok(Some(End { seq: last.sequence, event })),
            Err(err) => {
                warn!(%guest, seq = last.sequence, %err, "the log ends with what is no event");
                self.last_readable(guest, last.sequence).await
            }
        }
    }

    /// Returns the last message in a guest's log, whether it can be read or not.
    async fn last_message(&self, guest: GuestKey) -> Result<Option<StreamMessage>, BusError> {
        let stream = self.jetstream.get_stream_no_info(LOG).await.failing("reading the log")?;
        match stream.get_last_raw_message_by_subject(&self.cell.log(guest)).await {
            Ok(last) => Ok(Some(last)),
            Err(err) => match err.kind() {
                LastRawMessageErrorKind::NoMessageFound => Ok(None),
                LastRawMessageErrorKind::InvalidSubject
                | LastRawMessageErrorKind::JetStream(_)
                | LastRawMessageErrorKind::Other => {
                    Err(BusError::Failed { what: "reading the log", err: Box::new(err) })
                }
            },
        }
    }

    /// Returns the last event of a guest that can be read, where the last message cannot.
    async fn last_readable(&self, guest: GuestKey, seq: u64) -> Result<Option<End>, BusError> {
        let events = self.read_history(guest).await?;
        Ok(events.into_iter().next_back().map(|(_, event)| End { seq, event }))
    }

    /// Returns what is kept of a guest's events, oldest first; what cannot be read is left out.
    pub async fn history(&self, guest: GuestKey) -> Result<Vec<(u64, Event)>, BusError> {
        self.reading(Act::ReadLog, || self.read_history(guest)).await
    }

    async fn read_history(&self, guest: GuestKey) -> Result<Vec<(u64, Event)>, BusError> {
        if self.reads_many() {
            let of = |(seq, message): (u64, Message)| {
                let events = read(guest, &message.payload).into_iter().flatten();
                events.map(move |event| (seq, event))
            };
            let messages = Box::pin(self.messages_at_once(LOG, &self.cell.log(guest))).await?;
            return Ok(messages.into_iter().flat_map(of).collect());
        }
        let stream = self.jetstream.get_stream_no_info(LOG).await.failing("reading the log")?;
        let subject = self.cell.log(guest);
        let mut events = Vec::new();
        let mut next = 1;
        loop {
            let message = stream
                .raw_message_builder()
                .next_by_subject(subject.as_str())
                .sequence(next)
                .send()
                .await;
            let message = match message {
                Ok(message) => message,
                Err(err) if matches!(err.kind(), RawMessageErrorKind::NoMessageFound) => {
                    return Ok(events);
                }
                Err(err) => {
                    return Err(BusError::Failed { what: "reading the log", err: Box::new(err) });
                }
            };
            next = message.sequence + 1;
            for event in read(guest, &message.payload).into_iter().flatten() {
                events.push((message.sequence, event));
            }
        }
    }

    /// Returns the state of every guest of the cell.
    pub async fn states(&self) -> Result<BTreeMap<GuestKey, (u64, Event)>, BusError> {
        if self.reads_many()
            && let Some(ends) = self.reading(Act::ReadLog, || self.all_ends_at_once()).await?
        {
            return Ok(ends
                .into_iter()
                .map(|(guest, end)| (guest, (end.seq, end.event)))
                .collect());
        }
        let mut tail = self.tail(From::LastOfEach).await?;
        let mut states = BTreeMap::new();
        loop {
            match tail.next().await {
                Told::Event { seq, event } => {
                    states.insert(event.state.guest, (seq, *event));
                }
                Told::Unreadable(letter) => {
                    let Some(guest) = letter.guest else { continue };
                    if let Some(end) = self.end(guest).await? {
                        states.insert(guest, (end.seq, end.event));
                    }
                }
                Told::CaughtUp => return Ok(states),
                Told::Rewound => states.clear(),
            }
        }
    }

    /// Appends what `wish` says is to be said about guests, given their states. All of it is
    /// accepted or none: where somebody else was faster, every state is read again.
    ///
    /// `wish` is asked as often as that takes, so it must be a plain function of the states.
    pub async fn ask(
        &self,
        setup: &Setup,
        teller: &Teller,
        guests: &[GuestKey],
        wish: impl Fn(GuestKey, Option<&Record>) -> Wish,
    ) -> Result<Vec<Appended>, BusError> {
        let known = self.ends(guests).await?;
        self.ask_knowing(known, setup, teller, guests, wish).await
    }

    /// The same, where the ends of the guests' logs were read a moment ago.
    pub async fn ask_knowing(
        &self,
        mut known: BTreeMap<GuestKey, End>,
        setup: &Setup,
        teller: &Teller,
        guests: &[GuestKey],
        wish: impl Fn(GuestKey, Option<&Record>) -> Wish,
    ) -> Result<Vec<Appended>, BusError> {
        let mut unreadable = BTreeMap::new();
        for _ in 0..TRIES {
            if let Some(appended) =
                self.try_ask(setup, teller, guests, &known, &unreadable, &wish).await?
            {
                return Ok(appended);
            }
            known = self.ends(guests).await?;
            // A log in which not a single event can be read has an end, too.
            for guest in guests.iter().filter(|guest| !known.contains_key(guest)) {
                if let Some(last) = self.last_message(*guest).await? {
                    unreadable.insert(*guest, last.sequence);
                }
            }
        }
        let guest = guests.first().map(ToString::to_string).unwrap_or_default();
        Err(BusError::Contended { guest })
    }

    async fn try_ask(
        &self,
        setup: &Setup,
        teller: &Teller,
        guests: &[GuestKey],
        known: &BTreeMap<GuestKey, End>,
        unreadable: &BTreeMap<GuestKey, u64>,
        wish: &impl Fn(GuestKey, Option<&Record>) -> Wish,
    ) -> Result<Option<Vec<Appended>>, BusError> {
        let mut appended = Vec::new();
        let mut events = Vec::new();
        for guest in guests {
            let end = known.get(guest);
            let before = end.map(|end| &end.event.state);
            let fact = wish(*guest, before);
            let state = fact.as_ref().and_then(|fact| Record::after(before, *guest, fact));
            match (fact, state, before) {
                (Some(fact), Some(state), _) => {
                    appended.push(Appended { guest: *guest, state: state.clone(), seq: None });
                    let no_event = || unreadable.get(guest).copied().unwrap_or(0);
                    let seq = end.map_or_else(no_event, |end| end.seq);
                    let mut event = teller.event(fact, state);
                    // What nobody asked for belongs to what the guest is at.
                    let is_same_run =
                        |last: &&Event| last.state.desired.run == event.state.desired.run;
                    if event.traceparent.is_none()
                        && let Some(last) = end.map(|end| &end.event).filter(is_same_run)
                    {
                        event.traceparent.clone_from(&last.traceparent);
                    }
                    events.push((*guest, seq, event));
                }
                (_, _, Some(before)) => {
                    appended.push(Appended { guest: *guest, state: before.clone(), seq: None });
                }
                (_, _, None) => {}
            }
        }
        let seqs = match events.len() {
            0 => Vec::new(),
            1 => self.append_one_by_one(&events).await?,
            _ if setup.batches => self.append_as_a_whole(&events).await?,
            _ => self.append_one_by_one(&events).await?,
        };
        if seqs.len() < events.len() {
            return Ok(None);
        }
        let seqs: BTreeMap<_, _> = events.iter().map(|(guest, _, _)| *guest).zip(seqs).collect();
        for one in &mut appended {
            one.seq = seqs.get(&one.guest).copied();
        }
        Ok(Some(appended))
    }

    /// Appends events in their order, as far as nobody was faster.
    async fn append_one_by_one(
        &self,
        events: &[(GuestKey, u64, Event)],
    ) -> Result<Vec<u64>, BusError> {
        let mut seqs = Vec::new();
        for (guest, expected, event) in events {
            let message = appending(self.cell.log(*guest), std::slice::from_ref(event), *expected)?;
            match self.publish(message).await {
                Ok(ack) => seqs.push(ack.seq),
                Err(err) => match self.landed(*guest, event, &err).await? {
                    Some(seq) => seqs.push(seq),
                    None => break,
                },
            }
        }
        Ok(seqs)
    }

    /// Appends all events or none.
    async fn append_as_a_whole(
        &self,
        events: &[(GuestKey, u64, Event)],
    ) -> Result<Vec<u64>, BusError> {
        let mut seqs = Vec::new();
        for part in events.chunks(BATCH) {
            let mut messages = Vec::with_capacity(part.len());
            for (guest, expected, event) in part {
                messages.push(appending(
                    self.cell.log(*guest),
                    std::slice::from_ref(event),
                    *expected,
                )?);
            }
            let count = u64::try_from(messages.len()).unwrap_or(u64::MAX);
            let last = match self.publish_batch(messages).await {
                Ok(ack) => Some(ack.seq),
                Err(err) => match part.last() {
                    Some((guest, _, event)) => self.landed(*guest, event, &err).await?,
                    None => None,
                },
            };
            let Some(last) = last else { break };
            seqs.extend(last + 1 - count..=last);
        }
        Ok(seqs)
    }

    /// Finds out whether an event landed although nobody said so.
    async fn landed(
        &self,
        guest: GuestKey,
        event: &Event,
        err: &Unacknowledged,
    ) -> Result<Option<u64>, BusError> {
        match err {
            Unacknowledged::NoStream | Unacknowledged::Forbidden { .. } => {
                return Err(err.clone().of(self, Act::AppendToLog, "appending to the log"));
            }
            Unacknowledged::Unknown => warn!(%guest, "an append was not acknowledged"),
            Unacknowledged::Refused { .. } => {}
        }
        for (seq, there) in self.history(guest).await? {
            if there.id == event.id {
                return Ok(Some(seq));
            }
        }
        Ok(None)
    }

    /// Returns the ends of guests' logs, of those that have one.
    pub async fn ends(&self, guests: &[GuestKey]) -> Result<BTreeMap<GuestKey, End>, BusError> {
        if guests.len() > 1 && self.reads_many() {
            return self.reading(Act::ReadLog, || self.ends_at_once(guests)).await;
        }
        let mut ends = BTreeMap::new();
        for guest in guests {
            if let Some(end) = self.end(*guest).await? {
                ends.insert(*guest, end);
            }
        }
        Ok(ends)
    }
}

/// Reads a message found in the log of a guest: what was said in a row.
pub(crate) fn read(guest: GuestKey, payload: &[u8]) -> Result<Vec<Event>, Unreadable> {
    let events = Event::read(payload)?;
    match events.iter().map(|event| event.state.guest).find(|said| *said != guest) {
        None => Ok(events),
        Some(said) => Err(Unreadable::Misplaced { said, found: guest }),
    }
}

/// Reads the last event of a message found in the log of a guest.
pub(crate) fn last_of(guest: GuestKey, payload: &[u8]) -> Result<Event, Unreadable> {
    read(guest, payload)?.pop().ok_or(Unreadable::Empty)
}
