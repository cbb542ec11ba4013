//! Streams and buckets: made where they are missing, brought forward where an older version has made them.

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, Info};
use tracing::info;

use crate::act::Act;
use crate::connect::Bus;
use crate::durability::Durability;
use crate::error::{BusError, Failing as _};
use crate::forward::{forward, sign};
use crate::likeness::differences;
use crate::names::{DURABILITY, LOG};
use crate::streams;

/// Before it, killed servers lost whole streams, and meta files were not synced.
const OLDEST_SERVER: (u64, u64, u64) = (2, 10, 23);
/// The first server that takes several messages as a whole, and takes back what it refuses.
const FIRST_WITH_BATCHES: (u64, u64, u64) = (2, 12, 1);
/// The first server that answers with the last messages of many subjects at once.
const FIRST_WITH_MANY: (u64, u64, u64) = (2, 11, 0);

/// How many servers of a cluster have what is stored.
const IN_A_CLUSTER: usize = 3;

/// What the server can do and what its word is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// What an acknowledgement is worth.
    pub durability: Durability,
    /// Whether several messages can be stored as a whole.
    pub batches: bool,
}

impl Bus {
    /// Makes what is missing and brings forward what is there; nothing is taken away. It can be done any number of
    /// times, by several at once, and by several versions.
    pub async fn set_up(&self, durability: Durability) -> Result<Setup, BusError> {
        let (wanted, batches) = self.wanted(durability)?;
        self.allowed(Act::SetUp, async {
            for config in wanted {
                self.ensure(config).await?;
            }
            Ok(Setup { durability, batches })
        })
        .await
    }

    /// Returns every stream and bucket as this server is to have them, and whether it takes several messages as a
    /// whole.
    pub(crate) fn wanted(&self, durability: Durability) -> Result<(Vec<Config>, bool), BusError> {
        let batches = self.check_version()? >= FIRST_WITH_BATCHES;
        let replicas = self.replicas(durability);
        Ok((streams::all(replicas, durability, batches), batches))
    }

    /// Returns how many servers have what is stored: three, where the server is one of a cluster.
    pub(crate) fn replicas(&self, durability: Durability) -> usize {
        let server = self.client.server_info();
        // A leaf calls itself a cluster, too, and keeps no streams.
        let is_one_of_many = server.jetstream && server.cluster.is_some();
        if is_one_of_many { IN_A_CLUSTER } else { durability.replicas() }
    }

    /// Asks for the log, and returns once there is an answer: a connection that stands may lead to a server, or to
    /// a leader of the log, that does not answer.
    pub async fn answers(&self) -> Result<(), BusError> {
        let asking =
            async { self.jetstream.get_stream(LOG).await.failing("asking for the log").map(drop) };
        self.allowed(Act::ReadLog, asking).await
    }

    /// Looks at what a worker has set up, for those who only ask for work.
    pub async fn look_up(&self) -> Result<Setup, BusError> {
        self.reading(Act::ReadLog, || self.read_set_up()).await
    }

    async fn read_set_up(&self) -> Result<Setup, BusError> {
        let version = self.check_version()?;
        let stream = self.jetstream.get_stream(LOG).await.map_err(|err| match err.kind() {
            GetStreamErrorKind::JetStream(_) if is_not_found(&err) => {
                BusError::NotSetUp { url: self.url.clone() }
            }
            GetStreamErrorKind::JetStream(_)
            | GetStreamErrorKind::EmptyName
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

    /// Returns all that the server tells of a stream, if it is there.
    pub(crate) async fn info(&self, name: &str) -> Result<Option<Info>, BusError> {
        match self.jetstream.get_stream(name).await {
            Ok(stream) => Ok(Some(stream.cached_info().clone())),
            Err(err) => match err.kind() {
                GetStreamErrorKind::JetStream(_) if is_not_found(&err) => Ok(None),
                GetStreamErrorKind::JetStream(_) => Err(err).failing("looking at a stream"),
                GetStreamErrorKind::EmptyName
                | GetStreamErrorKind::Request
                | GetStreamErrorKind::InvalidStreamName => {
                    Err(BusError::NoJetStream { url: self.url.clone() })
                }
            },
        }
    }

    /// Returns the error of who needs a stream that is not there: the others may be.
    pub(crate) async fn not_there(&self, stream: &str) -> BusError {
        let url = self.url.clone();
        match self.info(LOG).await {
            Ok(None) => BusError::NotSetUp { url },
            Ok(Some(_)) | Err(_) => BusError::NotThere { url, what: stream.to_owned() },
        }
    }

    async fn ensure(&self, wanted: Config) -> Result<(), BusError> {
        let name = wanted.name.clone();
        let Some(there) = self.info(&name).await? else { return self.make(wanted).await };
        let there = there.config;
        // What is kept and what it is kept for cannot be changed without losing something.
        if there.retention != wanted.retention || there.storage != wanted.storage {
            let why = format!(
                "it keeps {:?} in {:?}, and {:?} in {:?} is needed",
                there.retention, there.storage, wanted.retention, wanted.storage
            );
            return Err(BusError::OtherStream { stream: name, why });
        }
        let mut next = forward(&there, &wanted);
        let what = differences(&there, &next);
        // Who may do neither has nothing to do then.
        if what.is_empty() {
            return Ok(());
        }
        sign(&mut next);
        info!(stream = name, what = what.join(", "), "a stream is brought forward");
        let changed = self.jetstream.update_stream(next.clone()).await;
        let info = changed.failing("changing a stream")?;
        read_back(&info.config, &next)
    }

    async fn make(&self, mut wanted: Config) -> Result<(), BusError> {
        sign(&mut wanted);
        let made = self.jetstream.get_or_create_stream(wanted.clone()).await;
        let stream = made.failing("making a stream")?;
        read_back(&stream.cached_info().config, &wanted)
    }
}

/// Says whether a stream is not there. A cluster without a leader says that it is away, which is another error.
pub(crate) fn is_not_found(err: &GetStreamError) -> bool {
    matches!(err.kind(), GetStreamErrorKind::JetStream(refused)
        if refused.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

/// An old server drops what it does not know without a word: what counts is what it says back.
fn read_back(there: &Config, wanted: &Config) -> Result<(), BusError> {
    let differences = differences(there, wanted);
    if differences.is_empty() {
        return Ok(());
    }
    let why = format!("the server did not take as they were given: {}", differences.join(", "));
    Err(BusError::OtherStream { stream: wanted.name.clone(), why })
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
