//! The queue: one empty token a guest says that it can be worked on. All else is in the log.

use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::AckPolicy;
use async_nats::jetstream::consumer::pull::{Config, Stream};
use async_nats::jetstream::{AckKind, Message};
use bytes::Bytes;
use futures_util::StreamExt as _;
use phoenix_domain::{Class, GuestKey, NodeName};
use tokio::time::{Interval, timeout};
use tracing::{debug, warn};

use crate::act::Act;
use crate::connect::{Bus, ONE_TRY, patience};
use crate::dead::Foreign;
use crate::error::{BusError, Failing as _};
use crate::names::{WORK, guest_of};
use crate::publish::Outgoing;

/// Whether a token is in the queue now because of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waked {
    /// It was put there.
    Now,
    /// One was there already, or somebody has it in hand.
    Before,
}

/// The tokens of one class of a host.
pub struct Tokens {
    bus: Bus,
    host: NodeName,
    class: Class,
    slots: usize,
    ack_wait: Duration,
    stream: Option<Stream>,
}

/// What the queue gave.
#[derive(Debug)]
pub enum Given {
    /// A guest to work on.
    Token(Box<Token>),
    /// Something that is no token of ours; it is out of the queue.
    Foreign(Box<Foreign>),
}

/// A guest to work on. While it is held nobody else gets it; dropping it says nothing, so that a
/// crash and a bug take the same path: it is given again.
#[derive(Debug)]
pub struct Token {
    /// The guest.
    pub guest: GuestKey,
    message: Message,
    ack_wait: Duration,
}

impl Bus {
    /// Puts a token into the queue, unless one is there.
    pub async fn wake(
        &self,
        host: &NodeName,
        class: Class,
        guest: GuestKey,
    ) -> Result<Waked, BusError> {
        let subject = self.cell.work(host, class, guest);
        let message = Outgoing { subject, headers: HeaderMap::new(), payload: Bytes::new() };
        match self.publish(message).await {
            Ok(_) => Ok(Waked::Now),
            Err(err) if err.is_there_already() => Ok(Waked::Before),
            Err(err) => Err(err.of(self, Act::Wake, "waking a guest")),
        }
    }

    /// Takes the tokens of a class of a host, at most `slots` at a time.
    pub fn tokens(
        &self,
        host: &NodeName,
        class: Class,
        slots: usize,
        ack_wait: Duration,
    ) -> Tokens {
        let (bus, host) = (self.clone(), host.clone());
        Tokens { bus, host, class, slots, ack_wait, stream: None }
    }
}

impl Tokens {
    /// Returns the next token. It never ends: a consumer that is gone or silent is rebuilt.
    pub async fn next(&mut self) -> Given {
        let mut since = None;
        loop {
            let Some(stream) = &mut self.stream else {
                let building = self.bus.allowed_for(Some(&self.host), Act::TakeWork, self.build());
                let built = timeout(patience(*since.get_or_insert_with(Instant::now)), building);
                let unanswered = BusError::Unknown { what: "taking work" };
                match built.await.unwrap_or(Err(unanswered)) {
                    Ok(stream) => (self.stream, since) = (Some(stream), None),
                    Err(err) => {
                        // What is not permitted is told where the server says so.
                        debug!(%err, class = %self.class, "the queue is not there yet");
                        tokio::time::sleep(Duration::from_millis(250)).await;
                    }
                }
                continue;
            };
            match stream.next().await {
                Some(Ok(message)) => return self.given(message).await,
                Some(Err(err)) => {
                    warn!(%err, class = %self.class, "the queue fell silent; it is asked anew");
                    self.stream = None;
                }
                None => self.stream = None,
            }
        }
    }

    async fn given(&self, message: Message) -> Given {
        let guest = guest_of(&message.subject);
        match guest {
            Some(guest) if message.payload.is_empty() => {
                Given::Token(Box::new(Token { guest, message, ack_wait: self.ack_wait }))
            }
            Some(_) | None => {
                let cause = match guest {
                    Some(_) => "a token carries nothing, and this one does",
                    None => "its subject names no guest",
                };
                let seq = message.info().map_or(0, |info| info.stream_sequence);
                let foreign = Foreign::of(&message, WORK, seq, guest, cause.to_owned());
                if let Err(err) = message.ack_with(AckKind::Term).await {
                    debug!(%err, "a foreign token was not removed; it comes again");
                }
                Given::Foreign(Box::new(foreign))
            }
        }
    }

    async fn build(&self) -> Result<Stream, BusError> {
        let name = self.bus.cell.consumer(&self.host, self.class);
        let stream = self.bus.jetstream.get_stream_no_info(WORK).await.failing("taking work")?;
        let consumer = stream
            .create_consumer(Config {
                durable_name: Some(name),
                filter_subject: self.bus.cell.work(&self.host, self.class, "*"),
                ack_policy: AckPolicy::Explicit,
                ack_wait: self.ack_wait,
                // The log counts attempts; a token is only a wake-up.
                max_deliver: -1,
                max_ack_pending: i64::try_from(self.slots).unwrap_or(i64::MAX),
                max_waiting: 32,
                ..Config::default()
            })
            .await
            .failing("taking work")?;
        consumer
            .stream()
            .max_messages_per_batch(self.slots)
            .expires(Duration::from_secs(30))
            // It fell silent where two are missing.
            .heartbeat(ONE_TRY)
            .messages()
            .await
            .failing("taking work")
    }
}

impl Token {
    /// Returns the pulse at which [`Token::hold`] has to be called.
    pub fn pulse(&self) -> Interval {
        let mut pulse = tokio::time::interval(self.ack_wait / 3);
        pulse.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        pulse
    }

    /// Says that the guest is being worked on.
    pub async fn hold(&self) {
        if let Err(err) = self.message.ack_with(AckKind::Progress).await {
            debug!(%err, guest = %self.guest, "the queue was not told that work goes on");
        }
    }

    /// Says that nothing is left to do.
    pub async fn done(self) {
        if let Err(err) = self.message.ack().await {
            debug!(%err, guest = %self.guest, "the token was not removed; it comes again");
        }
    }

    /// Says that the guest should be given to somebody again, after a while.
    pub async fn again(self, after: Duration) {
        if let Err(err) = self.message.ack_with(AckKind::Nak(Some(after))).await {
            debug!(%err, guest = %self.guest, "the token was not given back; it comes again");
        }
    }
}
