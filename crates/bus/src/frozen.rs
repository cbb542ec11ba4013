//! What a server keeps, message by message: tests freeze it, and a server of later has it again.

use async_nats::HeaderMap;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::connect::Bus;
use crate::error::{BusError, Failing as _};
use crate::publish::Outgoing;
use crate::streams;

const FREEZING: &str = "freezing a stream";
const THAWING: &str = "thawing a stream";
/// What a header begins with by which a server is asked for something, and what is for that one message.
const ASKED: [&str; 3] = ["Nats-Expected-", "Nats-Batch-", "Nats-Msg-Id"];

/// A stream, or the one behind a bucket.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Frozen {
    /// How it was set up, as the server says that.
    pub config: Value,
    /// What it has.
    pub messages: Vec<FrozenMessage>,
}

/// A message of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenMessage {
    /// Its place.
    pub seq: u64,
    /// Its subject.
    pub subject: String,
    /// Its headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// What it says, byte for byte.
    #[serde(flatten)]
    pub body: Body,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// It is text.
    Text(String),
    /// It is not, and stands there as base64.
    Base64(String),
}

impl Body {
    fn of(payload: &[u8]) -> Self {
        match str::from_utf8(payload) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Base64(STANDARD.encode(payload)),
        }
    }

    fn payload(&self) -> Result<Vec<u8>, BusError> {
        match self {
            Self::Text(text) => Ok(text.clone().into_bytes()),
            Self::Base64(text) => STANDARD.decode(text).failing(THAWING),
        }
    }
}

impl Frozen {
    /// Returns the names of all that is worth being frozen.
    pub fn all() -> Vec<String> {
        streams::names()
    }
}

impl Bus {
    /// Returns all that a stream has.
    pub async fn freeze(&self, stream: &str) -> Result<Frozen, BusError> {
        let mut config = self.freeze_config(stream).await?;
        if let Some(metadata) = config.get_mut("metadata").and_then(Value::as_object_mut) {
            // What the server says of itself there is not ours.
            metadata.retain(|name, _| !name.starts_with("_nats."));
        }
        let there = self.jetstream.get_stream(stream).await.failing(FREEZING)?;
        let state = there.cached_info().state.clone();
        let mut messages = Vec::new();
        for seq in state.first_sequence.max(1)..=state.last_sequence {
            let message = match there.get_raw_message(seq).await {
                Ok(message) => message,
                Err(err) if err.kind() == LastRawMessageErrorKind::NoMessageFound => continue,
                Err(err) => return Err(err).failing(FREEZING),
            };
            messages.push(FrozenMessage {
                seq,
                subject: message.subject.to_string(),
                headers: texts(&message.headers),
                body: Body::of(&message.payload),
            });
        }
        Ok(Frozen { config, messages })
    }

    /// Makes a stream that is not there yet, and puts into it what one had.
    pub async fn thaw(&self, frozen: &Frozen) -> Result<(), BusError> {
        self.configure("CREATE", &frozen.config).await?;
        for message in &frozen.messages {
            let mut headers = HeaderMap::new();
            for (name, value) in &message.headers {
                if !ASKED.iter().any(|asked| name.starts_with(asked)) {
                    headers.append(name.as_str(), value.as_str());
                }
            }
            let (subject, payload) = (message.subject.clone(), message.body.payload()?.into());
            let sent = self.publish(Outgoing { subject, headers, payload }).await;
            sent.map_err(|err| BusError::Failed { what: THAWING, err: format!("{err:?}").into() })?;
        }
        Ok(())
    }

    /// Changes how a stream is set up, as a hand or another version would.
    pub async fn reconfigure(&self, stream: &str, changes: &Value) -> Result<(), BusError> {
        let mut config = self.freeze_config(stream).await?;
        if let (Some(config), Some(changes)) = (config.as_object_mut(), changes.as_object()) {
            config.extend(changes.clone());
        }
        self.configure("UPDATE", &config).await
    }

    /// Returns how a stream is set up, as the server says that; nothing where it is not there.
    pub async fn freeze_config(&self, stream: &str) -> Result<Value, BusError> {
        let subject = format!("$JS.API.STREAM.INFO.{stream}");
        let told = self.ask_server(subject, &Value::Null, FREEZING).await?;
        Ok(told.and_then(|told| told.get("config").cloned()).unwrap_or_default())
    }

    /// Removes a stream, as an older version that never made it.
    pub async fn remove_stream(&self, stream: &str) -> Result<(), BusError> {
        let subject = format!("$JS.API.STREAM.DELETE.{stream}");
        self.ask_server(subject, &json!({}), THAWING).await.map(drop)
    }

    async fn configure(&self, verb: &str, config: &Value) -> Result<(), BusError> {
        let name = config.get("name").and_then(Value::as_str).unwrap_or_default();
        let subject = format!("$JS.API.STREAM.{verb}.{name}");
        self.ask_server(subject, config, THAWING).await.map(drop)
    }
}

fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let all = headers.iter().flat_map(|(name, values)| {
        values.iter().map(move |value| (name.to_string(), value.to_string()))
    });
    let mut all: Vec<_> = all.collect();
    all.sort();
    all
}
