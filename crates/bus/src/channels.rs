//! What goes out to people: for each channel a durable reader of the incidents.

use std::time::Duration;

use async_nats::jetstream::consumer::pull::{Config, Stream};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer};
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use async_nats::jetstream::{AckKind, Message};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use phoenix_domain::ChannelName;
use phoenix_domain::health::{AboutIncident, Concerned, Incident, IncidentId};
use serde::Deserialize;
use tracing::{debug, warn};

use crate::act::Act;
use crate::connect::Bus;
use crate::error::{BusError, Failing as _};
use crate::lease::Lease;
use crate::names::HEALTH;

/// How long the server waits for a word about a message before somebody else gets it.
const ACK_WAIT: Duration = Duration::from_secs(15);
/// How many incidents may wait for one channel at a time; the others wait at the server.
const MOST_AT_ONCE: i64 = 1024;

/// How an incident stands, as it was told last or is told now.
#[derive(Clone, Debug)]
pub struct News {
    /// Its place among all that is told of health.
    pub seq: u64,
    /// The name of the event: the same whenever it is handed out.
    pub id: String,
    /// When it was told.
    pub time: DateTime<Utc>,
    /// The incident.
    pub incident: Incident,
    /// Its guests, as people know them.
    pub guests: Vec<Concerned>,
    /// The event as it stands.
    pub body: Bytes,
}

/// News for one channel. Until it is taken the server keeps it; dropping it says nothing, so that a
/// crash and a bug take the same path: it is handed out again.
#[derive(Debug)]
pub struct Call {
    /// What there is to say.
    pub news: News,
    message: Message,
}

/// The calls of one channel.
pub struct Calls {
    stream: Stream,
    /// When the channel was first there: what was over by then is history.
    pub since: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Envelope {
    id: String,
    time: DateTime<Utc>,
    data: AboutIncident,
}

impl News {
    fn read(seq: u64, body: Bytes) -> Result<Self, serde_json::Error> {
        let Envelope { id, time, data } = serde_json::from_slice(&body)?;
        let AboutIncident { incident, guests, text: _ } = data;
        Ok(Self { seq, id, time, incident: *incident, guests, body })
    }
}

/// Returns what a monitor holds while it works on a channel.
pub(crate) fn lease_of(channel: &ChannelName) -> String {
    format!("channel.{channel}")
}

impl Bus {
    /// Waits until this monitor is the one that works on a channel: what goes out is in order then.
    pub async fn channel_lease(
        &self,
        channel: &ChannelName,
        holder: &str,
    ) -> Result<Lease, BusError> {
        self.lease(&lease_of(channel), holder).await
    }

    /// Takes the calls of a channel. One that is new begins with how each incident stands now.
    pub async fn calls(&self, channel: &ChannelName) -> Result<Calls, BusError> {
        self.allowed(Act::CallPeople, self.begin_calls(channel)).await
    }

    async fn begin_calls(&self, channel: &ChannelName) -> Result<Calls, BusError> {
        let doing = "taking calls";
        let stream = self.jetstream.get_stream_no_info(HEALTH).await.failing(doing)?;
        let config = Config {
            durable_name: Some(self.cell.caller(channel)),
            description: Some(format!("What the channel {channel} has to tell")),
            filter_subject: self.cell.incidents(),
            deliver_policy: DeliverPolicy::LastPerSubject,
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_deliver: -1,
            max_ack_pending: MOST_AT_ONCE,
            ..Config::default()
        };
        let consumer: PullConsumer = stream.create_consumer(config).await.failing(doing)?;
        let since = consumer.cached_info().created;
        let stream = consumer
            .stream()
            .max_messages_per_batch(64)
            .expires(Duration::from_secs(30))
            .heartbeat(Duration::from_secs(5))
            .messages()
            .await
            .failing(doing)?;
        Ok(Calls { stream, since })
    }

    /// Returns how an incident stands now, where it is still kept.
    pub async fn news(&self, id: &IncidentId) -> Result<Option<News>, BusError> {
        self.allowed(Act::ReadHealth, self.read_news(id)).await
    }

    async fn read_news(&self, id: &IncidentId) -> Result<Option<News>, BusError> {
        let doing = "reading what was told of health";
        let stream = self.jetstream.get_stream_no_info(HEALTH).await.failing(doing)?;
        let subject = self.cell.incident(id.as_str());
        match stream.get_last_raw_message_by_subject(&subject).await {
            Ok(last) => Ok(News::read(last.sequence, last.payload).ok()),
            Err(err) if matches!(err.kind(), LastRawMessageErrorKind::NoMessageFound) => Ok(None),
            Err(err) => Err(err).failing(doing),
        }
    }

    /// Tells how a channel does.
    pub async fn tell_channel(
        &self,
        channel: &ChannelName,
        event: Vec<u8>,
    ) -> Result<(), BusError> {
        self.tell(self.cell.channel(channel), event).await
    }
}

impl Calls {
    /// Returns the next call; nothing where the consumer is gone or silent, and has to be taken anew.
    pub async fn next(&mut self) -> Option<Call> {
        loop {
            let message = match self.stream.next().await? {
                Ok(message) => message,
                Err(err) => {
                    debug!(%err, "the calls of a channel fell silent; they are asked for anew");
                    return None;
                }
            };
            let seq = message.info().map_or(0, |info| info.stream_sequence);
            match News::read(seq, message.payload.clone()) {
                Ok(news) => return Some(Call { news, message }),
                Err(err) => {
                    warn!(%err, seq, "what is told of an incident is not ours; nobody is called");
                    if let Err(err) = message.ack_with(AckKind::Term).await {
                        debug!(%err, "it was not removed, and comes again");
                    }
                }
            }
        }
    }
}

impl Call {
    /// How often [`Call::hold`] has to be called.
    pub const PULSE: Duration = Duration::from_secs(5);

    /// Says that somebody is at it.
    pub async fn hold(&self) {
        if let Err(err) = self.message.ack_with(AckKind::Progress).await {
            debug!(%err, "the server was not told that a call is held");
        }
    }

    /// Says that nothing is left to do.
    pub async fn done(self) {
        if let Err(err) = self.message.ack().await {
            debug!(%err, "a call was not removed; it comes again and is known then");
        }
    }
}
