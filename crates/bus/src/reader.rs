//! Reading a stream from a place on, without end and without a gap.
//!
//! The server keeps nothing for a reader but a consumer that dies with it. One that falls silent, or
//! whose server was away, is rebuilt behind the last message it read.

use std::pin::Pin;
use std::time::Duration;

use async_nats::jetstream::consumer::push::{Ordered, OrderedConfig};
use async_nats::jetstream::consumer::{Consumer, DeliverPolicy};
use async_nats::jetstream::{Message, stream::Stream};
use futures_util::StreamExt as _;
use tokio::sync::watch;
use tracing::{debug, warn};

use crate::act::Act;
use crate::connect::Bus;
use crate::error::{BusError, Failing as _};
use crate::setup::is_not_found;
use crate::tail::From;

/// How long to wait before a reader that broke is rebuilt.
const PAUSE: Duration = Duration::from_millis(200);

/// What is read: the stream, and what of it.
#[derive(Clone, Debug)]
pub(crate) struct Of {
    /// The stream.
    pub(crate) stream: &'static str,
    /// Some of it: what a role may read is said by the one subject that it names.
    pub(crate) subject: String,
    /// What that is, where it is forbidden.
    pub(crate) act: Act,
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
    place: Place,
    source: Source,
    connected: watch::Receiver<u64>,
    /// The sequence with which everything there was is read; absent once that was said.
    caught_up_at: Option<u64>,
    /// Nothing was there when the reader began.
    is_empty: bool,
    /// Whether there is something to read from now.
    is_reading: watch::Sender<bool>,
}

/// How far it was read.
#[derive(Clone, Debug)]
struct Place {
    from: From,
    /// The last message that was read.
    last: u64,
}

/// Where messages come from.
enum Source {
    Consumer(Box<Ordered>),
    /// It is being built. Whoever drops what waits for it does not begin that anew.
    Building(Pin<Box<dyn Future<Output = Result<Built, BusError>> + Send>>),
}

/// A consumer that was built.
struct Built {
    place: Place,
    messages: Ordered,
    connected: watch::Receiver<u64>,
    /// Whether the stream is another one than before.
    is_rewound: bool,
    /// Whether nothing was behind the place.
    is_empty: bool,
}

impl Reader {
    /// Begins to read.
    pub(crate) async fn begin(bus: &Bus, of: Of, from: From) -> Result<Self, BusError> {
        let place = Place { from, last: 0 };
        let building = || build(bus.clone(), of.clone(), place.clone());
        let built = bus.reading(of.act, building).await?;
        Ok(Self {
            bus: bus.clone(),
            of,
            place: built.place,
            source: Source::Consumer(Box::new(built.messages)),
            connected: built.connected,
            caught_up_at: Some(0),
            is_empty: built.is_empty,
            is_reading: watch::Sender::new(true),
        })
    }

    /// Returns what tells whether it is read now, or the consumer has to be built anew.
    pub(crate) fn is_reading(&self) -> watch::Receiver<bool> {
        self.is_reading.subscribe()
    }

    /// Returns what is found next. It never ends, and may be dropped at any point.
    pub(crate) async fn next(&mut self) -> Found {
        loop {
            if self.has_caught_up() {
                return Found::CaughtUp;
            }
            match &mut self.source {
                Source::Building(building) => match building.await {
                    Ok(built) => {
                        debug!(
                            stream = self.of.stream,
                            from = built.place.last + 1,
                            "reader rebuilt"
                        );
                        if self.take(built) {
                            return Found::Rewound;
                        }
                    }
                    Err(err) => {
                        debug!(%err, "reader not rebuilt yet");
                        self.rebuild();
                    }
                },
                Source::Consumer(messages) => tokio::select! {
                    message = messages.next() => match message {
                        Some(Ok(message)) => if let Some(found) = self.found(message) {
                            return found;
                        },
                        Some(Err(err)) => {
                            warn!(%err, stream = self.of.stream, "what is read fell silent; the reader is rebuilt");
                            self.rebuild();
                        }
                        None => self.rebuild(),
                    },
                    changed = self.connected.changed() => {
                        if changed.is_err() {
                            // The connection is gone for good; there is nothing to wait for.
                            std::future::pending::<()>().await;
                        }
                        self.rebuild();
                    }
                },
            }
        }
    }

    /// Says, once, that everything there was when it began is read.
    fn has_caught_up(&mut self) -> bool {
        let is_last = self.caught_up_at.is_some_and(|seq| seq > 0 && self.place.last >= seq);
        let is_over = std::mem::take(&mut self.is_empty) || is_last;
        if is_over {
            self.caught_up_at = None;
        }
        is_over
    }

    fn found(&mut self, message: Message) -> Option<Found> {
        let info = message.info().ok()?;
        let (seq, pending) = (info.stream_sequence, info.pending);
        if seq <= self.place.last {
            return None;
        }
        self.place.last = seq;
        if pending == 0 && self.caught_up_at.is_some() {
            self.caught_up_at = Some(seq);
        }
        Some(Found::Message(Box::new(message), seq))
    }

    /// Begins to build the consumer once more, behind what was read.
    fn rebuild(&mut self) {
        self.is_reading.send_replace(false);
        let (bus, of, place) = (self.bus.clone(), self.of.clone(), self.place.clone());
        self.source = Source::Building(Box::pin(async move {
            tokio::time::sleep(PAUSE).await;
            build(bus, of, place).await
        }));
    }

    /// Takes what was built; says whether the stream is another one than before.
    fn take(&mut self, built: Built) -> bool {
        let Built { place, messages, connected, is_rewound, is_empty } = built;
        (self.place, self.connected) = (place, connected);
        self.source = Source::Consumer(Box::new(messages));
        self.is_empty = is_empty && self.caught_up_at.is_some();
        self.is_reading.send_replace(true);
        is_rewound
    }
}

/// Builds a consumer of what is behind a place.
async fn build(bus: Bus, of: Of, mut place: Place) -> Result<Built, BusError> {
    let mut connected = bus.connected();
    connected.mark_unchanged();
    let (name, doing) = (of.stream, of.doing);
    let stream = match bus.jetstream.get_stream(name).await {
        Ok(stream) => stream,
        Err(err) if is_not_found(&err) => {
            return Err(bus.not_there(name).await);
        }
        Err(err) => return Err(err).failing(doing),
    };
    let newest = stream.cached_info().state.last_sequence;
    let is_rewound = newest < place.last;
    if is_rewound {
        warn!(stream = name, was = place.last, is = newest, "the stream went backwards");
        place.last = 0;
    }
    let policy = match (place.last, &place.from) {
        (0, _) if is_rewound => DeliverPolicy::LastPerSubject,
        (0, From::LastOfEach) => DeliverPolicy::LastPerSubject,
        (0, From::Now) => {
            place.last = newest;
            if newest == 0 {
                // Rebuilt before anything was read, it must not skip what came first.
                place.from = From::Beginning;
            }
            DeliverPolicy::ByStartSequence { start_sequence: newest + 1 }
        }
        (0, From::Since(time)) => DeliverPolicy::ByStartTime { start_time: *time },
        (0, From::Beginning) => DeliverPolicy::All,
        (last, _) => DeliverPolicy::ByStartSequence { start_sequence: last + 1 },
    };
    let consumer = consumer(&bus, &of, &stream, policy).await?;
    let is_empty = consumer.cached_info().num_pending == 0;
    let messages = consumer.messages().await.failing(doing)?;
    Ok(Built { place, messages, connected, is_rewound, is_empty })
}

async fn consumer(
    bus: &Bus,
    of: &Of,
    stream: &Stream,
    deliver_policy: DeliverPolicy,
) -> Result<Consumer<OrderedConfig>, BusError> {
    let deliver_subject = bus.client.new_inbox();
    let config = OrderedConfig {
        // Only of one with a name the server's rules can say what it reads.
        name: Some(uuid::Uuid::new_v4().simple().to_string()),
        deliver_subject,
        filter_subject: of.subject.clone(),
        deliver_policy,
        ..OrderedConfig::default()
    };
    stream.create_consumer(config).await.failing(of.doing)
}
