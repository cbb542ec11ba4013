//! What each channel has told people, and how it does.

use std::collections::BTreeMap;

use async_nats::jetstream::kv::{Operation, UpdateErrorKind};
use async_nats::jetstream::stream::ConsumerErrorKind;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt as _;
use phoenix_domain::ChannelName;
use phoenix_domain::health::{IncidentId, Severity};
use serde::{Deserialize, Serialize};

use crate::act::Act;
use crate::channels::lease_of;
use crate::connect::Bus;
use crate::error::{BusError, Failing as _};
use crate::health::Displaced;
use crate::names::{CHANNELS, HEALTH, LEASES};

/// How the server says that there is nothing of this name.
const NO_SUCH: usize = 404;

/// What a channel has told, and how it does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelNote {
    /// What kind it is.
    pub kind: String,
    /// When the other side last took something.
    pub delivered: Option<DateTime<Utc>>,
    /// What went wrong last, and when; it may be mended since.
    pub error: Option<(DateTime<Utc>, String)>,
    /// Since when nothing gets through; absent while all is well.
    pub failing: Option<DateTime<Utc>>,
    /// Whether it was told that people cannot be called by it.
    #[serde(default)]
    pub is_silent: bool,
    /// What it has told of incidents.
    #[serde(default)]
    pub told: BTreeMap<IncidentId, Delivered>,
}

/// What a channel has told of an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivered {
    /// The last state it has told.
    pub seq: u64,
    /// How urgent it was.
    pub severity: Severity,
    /// When it last called people for it, and nobody has seen it since; absent where nobody has to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called: Option<Called>,
    /// When it told that the incident is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<DateTime<Utc>>,
    /// What the other side knows it by, where that can change.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// A call that waits for somebody who sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Called {
    /// When people were called, or reminded of it.
    pub at: DateTime<Utc>,
    /// How often they were reminded.
    pub reminders: u32,
}

/// The note of a channel, and its place. Somebody else who writes there is noticed.
#[derive(Debug)]
pub struct ChannelMemory {
    /// What is noted.
    pub note: ChannelNote,
    bus: Bus,
    key: String,
    revision: u64,
}

/// A channel, as people are shown it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChannelSeen {
    /// Its name.
    pub name: ChannelName,
    /// What kind it is; empty where it has not been at work yet.
    pub kind: String,
    /// How much was not told yet.
    pub waiting: u64,
    /// When the other side last took something.
    pub delivered: Option<DateTime<Utc>>,
    /// What went wrong last, and when.
    pub error: Option<(DateTime<Utc>, String)>,
    /// Since when nothing gets through.
    pub failing: Option<DateTime<Utc>>,
    /// Whether people cannot be called by it for so long that they should know.
    pub is_silent: bool,
    /// Whether some monitor is at work on it.
    pub is_served: bool,
}

impl Bus {
    /// Returns what is noted of a channel.
    pub async fn channel_memory(&self, channel: &ChannelName) -> Result<ChannelMemory, BusError> {
        self.allowed(Act::CallPeople, self.read_channel_memory(channel)).await
    }

    async fn read_channel_memory(&self, channel: &ChannelName) -> Result<ChannelMemory, BusError> {
        let doing = "reading what a channel has told";
        let bucket = self.bucket(CHANNELS, doing).await?;
        let key = self.cell.channel_key(channel);
        let entry = bucket.entry(&key).await.failing(doing)?;
        let revision = entry.as_ref().map_or(0, |entry| entry.revision);
        let note = entry
            .filter(|entry| entry.operation == Operation::Put)
            .and_then(|entry| serde_json::from_slice(&entry.value).ok())
            .unwrap_or_default();
        Ok(ChannelMemory { note, bus: self.clone(), key, revision })
    }

    /// Returns all channels that were ever at work and were not forgotten.
    pub async fn channels(&self) -> Result<Vec<ChannelSeen>, BusError> {
        self.allowed(Act::CallPeople, self.read_channels()).await
    }

    async fn read_channels(&self) -> Result<Vec<ChannelSeen>, BusError> {
        let doing = "looking at the channels";
        let stream = self.jetstream.get_stream_no_info(HEALTH).await.failing(doing)?;
        let mut consumers = stream.consumers();
        let mut seen = Vec::new();
        while let Some(info) = consumers.try_next().await.failing(doing)? {
            let name = info.name.strip_prefix(&self.cell.callers()).map(str::parse);
            let Some(Ok(name)) = name else { continue };
            let ChannelNote { kind, delivered, error, failing, is_silent, told: _ } =
                self.channel_memory(&name).await?.note;
            let in_hand = u64::try_from(info.num_ack_pending).unwrap_or(u64::MAX);
            let waiting = info.num_pending.saturating_add(in_hand);
            let is_served = self.is_served(&name).await?;
            seen.push(ChannelSeen {
                name,
                kind,
                waiting,
                delivered,
                error,
                failing,
                is_silent,
                is_served,
            });
        }
        seen.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(seen)
    }

    /// Forgets a channel that nobody works on any more, with what it has not told. Says whether there
    /// was one.
    pub async fn forget_channel(&self, channel: &ChannelName) -> Result<bool, BusError> {
        let doing = "forgetting a channel";
        let stream = self.jetstream.get_stream_no_info(HEALTH).await.failing(doing)?;
        let was_there = match stream.delete_consumer(&self.cell.caller(channel)).await {
            Ok(_) => true,
            Err(err) => match err.kind() {
                ConsumerErrorKind::JetStream(said) if said.code() == NO_SUCH => false,
                ConsumerErrorKind::TimedOut
                | ConsumerErrorKind::Request
                | ConsumerErrorKind::InvalidConsumerType
                | ConsumerErrorKind::InvalidName
                | ConsumerErrorKind::JetStream(_)
                | ConsumerErrorKind::Other => return Err(err).failing(doing),
            },
        };
        let bucket = self.bucket(CHANNELS, doing).await?;
        bucket.purge(self.cell.channel_key(channel)).await.failing(doing)?;
        Ok(was_there)
    }

    /// Says whether some monitor works on a channel.
    pub async fn is_served(&self, channel: &ChannelName) -> Result<bool, BusError> {
        let doing = "looking at the channels";
        let bucket = self.bucket(LEASES, doing).await?;
        let entry = bucket.entry(self.cell.lease(&lease_of(channel))).await.failing(doing)?;
        Ok(entry.is_some_and(|entry| entry.operation == Operation::Put))
    }
}

impl ChannelMemory {
    /// Keeps the note as it is now.
    pub async fn keep(&mut self) -> Result<Result<(), Displaced>, BusError> {
        let doing = "keeping what a channel has told";
        let bucket = self.bus.bucket(CHANNELS, doing).await?;
        let text = Bytes::from(serde_json::to_vec(&self.note)?);
        match bucket.update(&self.key, text, self.revision).await {
            Ok(revision) => {
                self.revision = revision;
                Ok(Ok(()))
            }
            Err(err) if err.kind() == UpdateErrorKind::WrongLastRevision => Ok(Err(Displaced)),
            Err(err) => Err(err).failing(doing),
        }
    }
}
