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

impl Bus {
    /// Returns how many messages the log has taken since it was made.
    pub async fn log_length(&self) -> Result<u64, BusError> {
        let log = self.jetstream.get_stream(LOG).await.failing("looking at the log")?;
        Ok(log.cached_info().state.last_sequence)
    }

    /// Returns how many bytes the log has.
    pub async fn log_bytes(&self) -> Result<u64, BusError> {
        let log = self.jetstream.get_stream(LOG).await.failing("looking at the log")?;
        Ok(log.cached_info().state.bytes)
    }
}
