//! Streams and buckets: made where they are missing, checked where they are there.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::kv;
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, Republish, RetentionPolicy, StorageType,
};

use crate::connect::Bus;
use crate::durability::Durability;
use crate::error::{BusError, Failing as _};
use crate::names::{
    ADVISORIES, ADVISORY_SUBJECTS, CHANNELS, DEAD, DEAD_SUBJECTS, DELIVERIES, DURABILITY, HEALTH,
    HEALTH_SUBJECTS, HOSTS, LEASES, LIBRARY_STREAM, LIBRARY_SUBJECTS, LIVE_SUBJECTS, LOG,
    LOG_SUBJECTS, PUSHES, WATCH, WORK, WORK_SUBJECTS,
};

/// Before it, killed servers lost whole streams, and meta files were not synced.
const OLDEST_SERVER: (u64, u64, u64) = (2, 10, 23);
/// The first server that takes several messages as a whole, and takes back what it refuses.
const FIRST_WITH_BATCHES: (u64, u64, u64) = (2, 12, 1);
/// The first server that answers with the last messages of many subjects at once.
const FIRST_WITH_MANY: (u64, u64, u64) = (2, 11, 0);

const DAY: Duration = Duration::from_hours(24);
/// How long the server remembers message ids. Correctness does not rest on it.
const REMEMBERED: Duration = Duration::from_mins(2);

/// What the server can do and what its word is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// What an acknowledgement is worth.
    pub durability: Durability,
    /// Whether several messages can be stored as a whole.
    pub batches: bool,
}

impl Bus {
    /// Makes what is missing and checks what is there. It can be done any number of times, by
    /// several at once.
    pub async fn set_up(&self, durability: Durability) -> Result<Setup, BusError> {
        let version = self.check_version()?;
        let replicas = durability.replicas();
        let batches = version >= FIRST_WITH_BATCHES;
        for config in streams(replicas, durability, batches) {
            self.ensure(config).await?;
        }
        for bucket in buckets(replicas) {
            self.jetstream.create_or_update_key_value(bucket).await.failing("making a bucket")?;
        }
        Ok(Setup { durability, batches })
    }

    /// Asks for the log, and returns once there is an answer: a connection that stands may lead to a server, or to
    /// a leader of the log, that does not answer.
    pub async fn answers(&self) -> Result<(), BusError> {
        self.jetstream.get_stream(LOG).await.failing("asking for the log")?;
        Ok(())
    }

    /// Looks at what a worker has set up, for those who only ask for work.
    pub async fn look_up(&self) -> Result<Setup, BusError> {
        let version = self.check_version()?;
        let stream = self.jetstream.get_stream(LOG).await.map_err(|err| match err.kind() {
            GetStreamErrorKind::JetStream(_) => BusError::NotSetUp { url: self.url.clone() },
            GetStreamErrorKind::EmptyName
            | GetStreamErrorKind::Request
            | GetStreamErrorKind::InvalidStreamName => {
                BusError::Failed { what: "looking at the streams", err: Box::new(err) }
            }
        })?;
        let config = &stream.cached_info().config;
        let said = config.metadata.get(DURABILITY).map(String::as_str);
        Ok(Setup {
            durability: Durability::from_word(said, config.num_replicas),
            batches: version >= FIRST_WITH_BATCHES && config.allow_atomic_publish,
        })
    }

    /// Says whether the server can be asked for the ends of many logs at once.
    pub(crate) fn reads_many(&self) -> bool {
        numbers(&self.client.server_info().version) >= FIRST_WITH_MANY
    }

    fn check_version(&self) -> Result<(u64, u64, u64), BusError> {
        let found = self.client.server_info().version;
        let version = numbers(&found);
        if version < OLDEST_SERVER {
            let (url, needed) = (self.url.clone(), "2.10.23");
            return Err(BusError::TooOld { url, found, needed });
        }
        Ok(version)
    }

    async fn ensure(&self, wanted: Config) -> Result<(), BusError> {
        let name = wanted.name.clone();
        let there = match self.jetstream.get_stream(&name).await {
            Ok(stream) => stream.cached_info().config.clone(),
            Err(err) => {
                return match err.kind() {
                    GetStreamErrorKind::JetStream(_) => self.make(wanted).await,
                    GetStreamErrorKind::EmptyName
                    | GetStreamErrorKind::Request
                    | GetStreamErrorKind::InvalidStreamName => {
                        Err(BusError::NoJetStream { url: self.url.clone() })
                    }
                };
            }
        };
        if is_as(&there, &wanted) {
            return Ok(());
        }
        // What is kept and what it is kept for cannot be changed without losing something.
        if there.retention != wanted.retention || there.storage != wanted.storage {
            let why = format!(
                "it keeps {:?} in {:?}, and {:?} in {:?} is needed",
                there.retention, there.storage, wanted.retention, wanted.storage
            );
            return Err(BusError::OtherStream { stream: name, why });
        }
        let changed = self.jetstream.update_stream(wanted.clone()).await;
        let info = changed.failing("changing a stream")?;
        read_back(&info.config, &wanted)
    }

    async fn make(&self, wanted: Config) -> Result<(), BusError> {
        let made = self.jetstream.get_or_create_stream(wanted.clone()).await;
        let stream = made.failing("making a stream")?;
        read_back(&stream.cached_info().config, &wanted)
    }
}

/// An old server drops what it does not know without a word: what counts is what it says back.
fn read_back(there: &Config, wanted: &Config) -> Result<(), BusError> {
    if is_as(there, wanted) {
        return Ok(());
    }
    let why = "the server did not take its configuration as it was given".to_owned();
    Err(BusError::OtherStream { stream: wanted.name.clone(), why })
}

/// Says whether a stream is as wanted, in everything we rely on.
fn is_as(there: &Config, wanted: &Config) -> bool {
    there.subjects == wanted.subjects
        && there.retention == wanted.retention
        && there.storage == wanted.storage
        && there.num_replicas == wanted.num_replicas
        && there.discard == wanted.discard
        && there.discard_new_per_subject == wanted.discard_new_per_subject
        && limit(there.max_messages_per_subject) == limit(wanted.max_messages_per_subject)
        && limit(there.max_message_size.into()) == limit(wanted.max_message_size.into())
        && limit(there.max_consumers.into()) == limit(wanted.max_consumers.into())
        && there.max_age == wanted.max_age
        && there.deny_delete == wanted.deny_delete
        && there.allow_rollup == wanted.allow_rollup
        && there.allow_atomic_publish == wanted.allow_atomic_publish
        && there.republish == wanted.republish
        && wanted.metadata.iter().all(|(key, value)| there.metadata.get(key) == Some(value))
}

/// Returns a limit, if it is one: a server says -1 where it was told 0, and means the same.
fn limit(limit: i64) -> Option<i64> {
    (limit > 0).then_some(limit)
}

fn streams(replicas: usize, durability: Durability, batches: bool) -> Vec<Config> {
    vec![
        log(replicas, durability, batches),
        work(replicas),
        dead(replicas),
        advisories(replicas),
        health(replicas),
        library(replicas),
    ]
}

fn log(replicas: usize, durability: Durability, batches: bool) -> Config {
    Config {
        name: LOG.to_owned(),
        description: Some("What happened to every guest; the last event is its state".to_owned()),
        subjects: vec![LOG_SUBJECTS.to_owned()],
        // About twenty runs; the oldest goes.
        max_messages_per_subject: 256,
        discard: DiscardPolicy::New,
        max_message_size: 256 * 1024,
        max_consumers: 256,
        num_replicas: replicas,
        duplicate_window: REMEMBERED,
        deny_delete: true,
        // Any writer could empty the stream with one header.
        allow_rollup: false,
        allow_direct: true,
        allow_atomic_publish: batches,
        republish: Some(Republish {
            source: LOG_SUBJECTS.to_owned(),
            destination: LIVE_SUBJECTS.to_owned(),
            headers_only: false,
        }),
        metadata: HashMap::from([(DURABILITY.to_owned(), durability.word().to_owned())]),
        ..Config::default()
    }
}

/// Tokens can be derived from the log at any time, so they are not worth a write to disk.
fn work(replicas: usize) -> Config {
    Config {
        name: WORK.to_owned(),
        description: Some("Wake-ups, one a guest; what is to be done stands in the log".to_owned()),
        subjects: vec![WORK_SUBJECTS.to_owned()],
        retention: RetentionPolicy::WorkQueue,
        storage: StorageType::Memory,
        max_messages_per_subject: 1,
        discard: DiscardPolicy::New,
        discard_new_per_subject: true,
        max_message_size: 4096,
        max_consumers: 4096,
        num_replicas: replicas,
        duplicate_window: REMEMBERED,
        ..Config::default()
    }
}

fn dead(replicas: usize) -> Config {
    Config {
        name: DEAD.to_owned(),
        description: Some("What was given up, with its whole story".to_owned()),
        subjects: vec![DEAD_SUBJECTS.to_owned()],
        max_messages: 100_000,
        discard: DiscardPolicy::New,
        max_consumers: 256,
        num_replicas: replicas,
        duplicate_window: REMEMBERED,
        allow_direct: true,
        ..Config::default()
    }
}

fn advisories(replicas: usize) -> Config {
    Config {
        name: ADVISORIES.to_owned(),
        description: Some("What the server itself gave up on".to_owned()),
        subjects: ADVISORY_SUBJECTS.map(str::to_owned).to_vec(),
        max_age: 30 * DAY,
        max_bytes: 64 * 1024 * 1024,
        max_consumers: 64,
        num_replicas: replicas,
        duplicate_window: REMEMBERED,
        ..Config::default()
    }
}

fn health(replicas: usize) -> Config {
    Config {
        name: HEALTH.to_owned(),
        description: Some("Verdicts on guests, and incidents".to_owned()),
        subjects: HEALTH_SUBJECTS.map(str::to_owned).to_vec(),
        max_messages_per_subject: 64,
        max_age: 90 * DAY,
        max_consumers: 256,
        num_replicas: replicas,
        duplicate_window: REMEMBERED,
        allow_direct: true,
        ..Config::default()
    }
}

/// What the client makes of an object store, with a bound.
fn library(replicas: usize) -> Config {
    Config {
        name: LIBRARY_STREAM.to_owned(),
        description: Some("Scripts and features that are brought along with guests".to_owned()),
        subjects: LIBRARY_SUBJECTS.map(str::to_owned).to_vec(),
        max_bytes: 512 * 1024 * 1024,
        // What is there must not go for what comes: a guest may be waiting for it.
        discard: DiscardPolicy::New,
        allow_rollup: true,
        allow_direct: true,
        num_replicas: replicas,
        ..Config::default()
    }
}

fn buckets(replicas: usize) -> [kv::Config; 6] {
    let bucket = |name: &str, description: &str, max_age| kv::Config {
        bucket: name.to_owned(),
        description: description.to_owned(),
        history: 1,
        max_age,
        num_replicas: replicas,
        ..kv::Config::default()
    };
    [
        // Kept long after the host fell silent, so that people are told since when it is.
        bucket(HOSTS, "Hosts: what they have, and when their worker was last heard", 30 * DAY),
        bucket(DELIVERIES, "Webhooks that were accepted", 7 * DAY),
        bucket(PUSHES, "What is wanted because of pushes, until it is asked for", Duration::ZERO),
        bucket(CHANNELS, "What each channel has told people, and how it does", Duration::ZERO),
        bucket(WATCH, "What the next health monitor needs to go on", Duration::ZERO),
        bucket(LEASES, "Who acts, where several could", Duration::from_secs(45)),
    ]
}

/// Reads a version as numbers; what follows a `-` is of no interest.
fn numbers(version: &str) -> (u64, u64, u64) {
    let mut parts = version
        .split('-')
        .next()
        .unwrap_or_default()
        .trim_start_matches('v')
        .split('.')
        .map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(numbers("2.9.10") < OLDEST_SERVER);
        assert!(numbers("2.10.22") < OLDEST_SERVER);
        assert!(numbers("2.10.23") >= OLDEST_SERVER);
        assert!(numbers("v2.15.0-dev") > FIRST_WITH_BATCHES);
    }
}
