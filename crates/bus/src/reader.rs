//! Reading a stream from a place on, without end and without a gap.
//!
//! The server keeps nothing for a reader but a consumer that dies with it. One that falls silent, or
//! whose server was away, is rebuilt behind the last message it read.

use std::time::Duration;

use async_nats::jetstream::consumer::push::{Ordered, OrderedConfig};
use async_nats::jetstream::consumer::{Consumer, DeliverPolicy};
use async_nats::jetstream::{Message, stream::Stream};
use futures_util::StreamExt as _;
use tokio::sync::watch;
use tracing::{debug, warn};

use crate::connect::Bus;
use crate::error::{BusError, Failing as _};
use crate::tail::From;

/// How long to wait before a reader that broke is rebuilt.
const PAUSE: Duration = Duration::from_millis(200);

/// What is read: the stream, and what of it.
#[derive(Clone, Debug)]
pub(crate) struct Of {
    /// The stream.
    pub(crate) stream: &'static str,
    /// Its subjects.
    pub(crate) subjects: Vec<String>,
    /// What is being done, where that fails.
    pub(crate) doing: &'static str,
}

/// What a reader finds.
pub(crate) enum Found {
    /// A message, and its place in the stream.
    Message(Box<Message>, u64),
    /// Everything there was when the reader began was read; once.
    CaughtUp,
    /// The stream is another one, or went backwards: what was read before no longer counts.
    Rewound,
}

/// Reads a stream.
pub(crate) struct Reader {
    bus: Bus,
    of: Of,
    from: From,
    messages: Option<Ordered>,
    connected: watch::Receiver<u64>,
    last: u64,
    /// The sequence with which everything there was is read; absent once that was said.
    caught_up_at: Option<u64>,
    /// Nothing was there when the reader began.
    is_empty: bool,
}

impl Reader {
    /// Begins to read.
    pub(crate) async fn begin(bus: &Bus, of: Of, from: From) -> Result<Self, BusError> {
        let mut reader = Self {
            bus: bus.clone(),
            of,
            from,
            messages: None,
            connected: bus.connected(),
            last: 0,
            caught_up_at: Some(0),
            is_empty: false,
        };
        reader.build().await?;
        Ok(reader)
    }

    /// Returns what is found next. It never ends, and may be dropped at any point.
    pub(crate) async fn next(&mut self) -> Found {
        if self.is_empty {
            self.is_empty = false;
            self.caught_up_at = None;
            return Found::CaughtUp;
        }
        if self.caught_up_at.is_some_and(|seq| seq > 0 && self.last >= seq) {
            self.caught_up_at = None;
            return Found::CaughtUp;
        }
        loop {
            let Some(messages) = &mut self.messages else {
                tokio::time::sleep(PAUSE).await;
                match self.build().await {
                    Ok(true) => return Found::Rewound,
                    Ok(false) => debug!(stream = self.of.stream, from = self.last + 1, "reader rebuilt"),
                    Err(err) => debug!(%err, "reader not rebuilt yet"),
                }
                continue;
            };
            tokio::select! {
                message = messages.next() => match message {
                    Some(Ok(message)) => if let Some(found) = self.found(message) {
                        return found;
                    },
                    Some(Err(err)) => {
                        warn!(%err, stream = self.of.stream, "what is read fell silent; the reader is rebuilt");
                        self.messages = None;
                    }
                    None => self.messages = None,
                },
                changed = self.connected.changed() => {
                    if changed.is_err() {
                        // The connection is gone for good; there is nothing to wait for.
                        std::future::pending::<()>().await;
                    }
                    self.messages = None;
                }
            }
        }
    }

    fn found(&mut self, message: Message) -> Option<Found> {
        let info = message.info().ok()?;
        let (seq, pending) = (info.stream_sequence, info.pending);
        if seq <= self.last {
            return None;
        }
        self.last = seq;
        if pending == 0 && self.caught_up_at.is_some() {
            self.caught_up_at = Some(seq);
        }
        Some(Found::Message(Box::new(message), seq))
    }

    /// Builds the consumer, and says whether the stream is another one than before.
    async fn build(&mut self) -> Result<bool, BusError> {
        self.connected.mark_unchanged();
        let (name, doing) = (self.of.stream, self.of.doing);
        let stream = self.bus.jetstream.get_stream(name).await.failing(doing)?;
        let newest = stream.cached_info().state.last_sequence;
        let is_rewound = newest < self.last;
        if is_rewound {
            warn!(stream = name, was = self.last, is = newest, "the stream went backwards");
            self.last = 0;
        }
        let policy = match (self.last, &self.from) {
            (0, _) if is_rewound => DeliverPolicy::LastPerSubject,
            (0, From::LastOfEach) => DeliverPolicy::LastPerSubject,
            (0, From::Now) => {
                self.last = newest;
                if newest == 0 {
                    // Rebuilt before anything was read, it must not skip what came first.
                    self.from = From::Beginning;
                }
                DeliverPolicy::ByStartSequence { start_sequence: newest + 1 }
            }
            (0, From::Since(time)) => DeliverPolicy::ByStartTime { start_time: *time },
            (0, From::Beginning) => DeliverPolicy::All,
            (last, _) => DeliverPolicy::ByStartSequence { start_sequence: last + 1 },
        };
        let consumer = consumer(&self.bus, &self.of, &stream, policy).await?;
        if self.caught_up_at.is_some() {
            self.is_empty = consumer.cached_info().num_pending == 0;
        }
        self.messages = Some(consumer.messages().await.failing(doing)?);
        Ok(is_rewound)
    }
}

async fn consumer(
    bus: &Bus,
    of: &Of,
    stream: &Stream,
    deliver_policy: DeliverPolicy,
) -> Result<Consumer<OrderedConfig>, BusError> {
    // What a role may read is often said by the one subject that it names.
    let (filter_subject, filter_subjects) = match of.subjects.as_slice() {
        [one] => (one.clone(), Vec::new()),
        several => (String::new(), several.to_vec()),
    };
    let deliver_subject = bus.client.new_inbox();
    let config = OrderedConfig {
        deliver_subject,
        filter_subject,
        filter_subjects,
        deliver_policy,
        ..OrderedConfig::default()
    };
    stream.create_consumer(config).await.failing(of.doing)
}
