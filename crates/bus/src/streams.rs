//! Every stream and bucket, as it is wanted.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::stream::{
    Config, DiscardPolicy, Republish, RetentionPolicy, StorageType,
};

use crate::durability::Durability;
use crate::names::{
    ADVISORIES, ADVISORY_SUBJECTS, CHANNELS, DEAD, DEAD_SUBJECTS, DELIVERIES, DRAINS, DURABILITY,
    HEALTH, HEALTH_SUBJECTS, HOSTS, LEASES, LIBRARY_STREAM, LIBRARY_SUBJECTS, LIVE_SUBJECTS, LOG,
    LOG_SUBJECTS, PUSHES, WATCH, WORK, WORK_SUBJECTS,
};

const DAY: Duration = Duration::from_hours(24);
/// How long the server remembers message ids. Correctness does not rest on it.
const REMEMBERED: Duration = Duration::from_mins(2);

/// Returns all streams, those of buckets included.
pub(crate) fn all(replicas: usize, durability: Durability, batches: bool) -> Vec<Config> {
    [streams(replicas, durability, batches), buckets(replicas)].concat()
}

/// Returns all streams that are not buckets.
pub(crate) fn streams(replicas: usize, durability: Durability, batches: bool) -> Vec<Config> {
    vec![
        log(replicas, durability, batches),
        work(replicas),
        dead(replicas),
        advisories(replicas),
        health(replicas),
        library(replicas),
    ]
}

/// Returns the names of all streams, those of buckets included.
pub(crate) fn names() -> Vec<String> {
    all(1, Durability::Synced, true).into_iter().map(|stream| stream.name).collect()
}

/// Returns all subjects that streams keep, those of buckets included.
pub(crate) fn subjects() -> Vec<String> {
    all(1, Durability::Synced, true).into_iter().flat_map(|stream| stream.subjects).collect()
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

/// What the client makes of buckets, so that those, too, can be brought forward.
fn buckets(replicas: usize) -> Vec<Config> {
    let bucket = |name: &str, description: &str, max_age: Duration| Config {
        name: format!("KV_{name}"),
        description: Some(description.to_owned()),
        subjects: vec![format!("$KV.{name}.>")],
        max_messages_per_subject: 1,
        max_age,
        discard: DiscardPolicy::New,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        num_replicas: replicas,
        ..Config::default()
    };
    vec![
        // Kept long after the host fell silent, so that people are told since when it is.
        bucket(HOSTS, "Hosts: what they have, and when their worker was last heard", 30 * DAY),
        bucket(DRAINS, "Nodes where nothing is begun for now", Duration::ZERO),
        bucket(DELIVERIES, "Webhooks that were accepted", 7 * DAY),
        bucket(PUSHES, "What is wanted because of pushes, until it is asked for", Duration::ZERO),
        bucket(CHANNELS, "What each channel has told people, and how it does", Duration::ZERO),
        bucket(WATCH, "What the next health monitor needs to go on", Duration::ZERO),
        bucket(LEASES, "Who acts, where several could", Duration::from_secs(45)),
    ]
}
