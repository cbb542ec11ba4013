//! The server with nothing on top: what benchmarks measure everything else against.

use async_nats::HeaderMap;
use async_nats::jetstream::stream::Config;
use phoenix_domain::NodeName;

use crate::connect::{Address, Bus};
use crate::error::{BusError, Failing as _};
use crate::names::{Cell, LOG};
use crate::publish::Outgoing;

const STREAM: &str = "BARE";
const SUBJECT: &str = "bare";
/// About what an event of a guest weighs.
const PAYLOAD: usize = 2048;

/// A connection with a stream of its own.
pub struct Bare {
    bus: Bus,
}

impl Bare {
    /// Connects, and makes the stream.
    pub async fn connect(url: &str, node: NodeName) -> Result<Self, BusError> {
        let (url, name) = (url.to_owned(), "bare".to_owned());
        let address =
            Address { url, credentials: None, key: None, ca: None, name, cell: Cell::new(node) };
        let bus = Bus::connect(&address).await?;
        let config = Config {
            name: STREAM.to_owned(),
            subjects: vec![SUBJECT.to_owned()],
            ..Config::default()
        };
        bus.jetstream.get_or_create_stream(config).await.failing("making a stream")?;
        Ok(Self { bus })
    }

    /// Publishes one message and waits until it is acknowledged. Says whether it was.
    pub async fn publish(&self) -> bool {
        self.bus.publish(message()).await.is_ok()
    }
}

fn message() -> Outgoing {
    Outgoing {
        subject: SUBJECT.to_owned(),
        headers: HeaderMap::new(),
        payload: vec![b'x'; PAYLOAD].into(),
    }
}

/// How long a server may take to refuse what it would have refused before it answered the question after it.
const GRACE: std::time::Duration = std::time::Duration::from_secs(2);

impl Bus {
    /// Says whether the server forbids to publish under a subject, nothing of which is known here.
    pub async fn is_forbidden_to_publish(&self, subject: &str) -> Result<bool, BusError> {
        let told = self.hears_forbidden();
        let sent = self.client.publish(subject.to_owned(), bytes::Bytes::new()).await;
        sent.failing("publishing")?;
        self.is_refused(Self::until_forbidden(told, subject)).await
    }

    /// Says whether the server forbids to listen to a subject, nothing of which is known here.
    pub async fn is_forbidden_to_subscribe(&self, subject: &str) -> Result<bool, BusError> {
        let told = self.hears_forbidden();
        let _heard = self.client.subscribe(subject.to_owned()).await.failing("subscribing")?;
        self.is_refused(Self::until_unheard(told, subject)).await
    }

    /// Waits for a refusal until the server has answered what was asked behind it.
    async fn is_refused(&self, refused: impl Future<Output = ()>) -> Result<bool, BusError> {
        let answered = async {
            let answer = self.log_length().await;
            tokio::time::sleep(GRACE).await;
            answer
        };
        tokio::select! {
            () = refused => Ok(true),
            answer = answered => answer.map(|_| false),
        }
    }

    /// Has only one server keep each stream, as one did that was alone.
    pub async fn keep_by_one(&self) -> Result<(), BusError> {
        for name in crate::streams::names() {
            let stream = self.jetstream.get_stream(&name).await.failing("looking at a stream")?;
            let config = Config { num_replicas: 1, ..stream.cached_info().config.clone() };
            self.jetstream.update_stream(config).await.failing("changing a stream")?;
        }
        Ok(())
    }

    /// Returns how many servers keep each stream, of that which the fewest keep.
    pub async fn fewest_replicas(&self) -> Result<usize, BusError> {
        let mut fewest = usize::MAX;
        for name in crate::streams::names() {
            let stream = self.jetstream.get_stream(&name).await.failing("looking at a stream")?;
            fewest = fewest.min(stream.cached_info().config.num_replicas);
        }
        Ok(fewest)
    }

    /// Returns how many messages the log has taken since it was made.
    pub async fn log_length(&self) -> Result<u64, BusError> {
        let log = self.jetstream.get_stream(LOG).await.failing("looking at the log")?;
        Ok(log.cached_info().state.last_sequence)
    }
}
