//! Publishing, one message or one batch, with the acknowledgement awaited.

use async_nats::header::{
    NATS_BATCH_COMMIT, NATS_BATCH_ID, NATS_BATCH_SEQUENCE, NATS_EXPECTED_LAST_SUBJECT_SEQUENCE,
};
use async_nats::{HeaderMap, Request, RequestErrorKind};
use bytes::Bytes;
use phoenix_domain::Event;
use serde::Deserialize;

use crate::act::Act;
use crate::connect::Bus;
use crate::error::BusError;
use crate::names::{CONTENT_TYPE, TRACEPARENT};

/// A message about to be published.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Bytes,
}

/// An acknowledgement: the message is stored, as durably as the stream stores.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ack {
    pub(crate) seq: u64,
}

/// Why there is no acknowledgement.
#[derive(Clone, Debug)]
pub(crate) enum Unacknowledged {
    /// The server said no.
    Refused {
        /// Its code.
        code: u32,
        /// Its words.
        words: String,
    },
    /// We may not.
    Forbidden {
        /// Under which subject.
        subject: String,
    },
    /// There is no such stream.
    NoStream,
    /// There was no answer in time. The message may have been stored, or may be yet.
    Unknown,
}

/// A limit of messages is reached; which one, only the words tell.
const LIMIT_REACHED: u32 = 10077;

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Error { error: Refusal },
    Ack(Ack),
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    err_code: u32,
    #[serde(default)]
    description: String,
}

impl Unacknowledged {
    /// Returns the error of who has tried that.
    pub(crate) fn of(self, bus: &Bus, act: Act, what: &'static str) -> BusError {
        match self {
            Self::NoStream => BusError::NotSetUp { url: bus.url.clone() },
            Self::Unknown => BusError::Unknown { what },
            Self::Refused { words, .. } => BusError::Failed { what, err: words.into() },
            Self::Forbidden { subject } => bus.not_permitted(act, subject),
        }
    }

    /// Says whether there is a message under this subject already, and only one may be.
    pub(crate) fn is_there_already(&self) -> bool {
        match self {
            Self::Refused { code, words } => {
                *code == LIMIT_REACHED && words.contains("per subject")
            }
            Self::Forbidden { .. } | Self::NoStream | Self::Unknown => false,
        }
    }
}

/// Returns the message that appends events in a row, where the log still ends at `expected`.
pub(crate) fn appending(
    subject: String,
    events: &[Event],
    expected: u64,
) -> Result<Outgoing, serde_json::Error> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, Event::content_type(events.len()));
    if let Some(traceparent) = events.last().and_then(|event| event.traceparent.as_deref()) {
        headers.insert(TRACEPARENT, traceparent);
    }
    #[cfg(feature = "planted")]
    if phoenix_planted::is("no-compare-and-set") {
        return Ok(Outgoing { subject, headers, payload: Event::write(events)?.into() });
    }
    headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string().as_str());
    Ok(Outgoing { subject, headers, payload: Event::write(events)?.into() })
}

impl Bus {
    /// Publishes one message.
    pub(crate) async fn publish(&self, message: Outgoing) -> Result<Ack, Unacknowledged> {
        let request = Request::new().headers(message.headers).payload(message.payload);
        let (told, subject) = (self.hears_forbidden(), message.subject.clone());
        let answer = tokio::select! {
            answer = self.client.send_request(message.subject, request) => answer,
            () = Self::until_forbidden(told, &subject) => {
                return Err(Unacknowledged::Forbidden { subject });
            }
        };
        match answer {
            Ok(answer) => read(&answer.payload),
            Err(err) => Err(match err.kind() {
                RequestErrorKind::NoResponders => Unacknowledged::NoStream,
                RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded => {
                    Unacknowledged::Refused { code: 0, words: err.to_string() }
                }
                RequestErrorKind::TimedOut | RequestErrorKind::Other => Unacknowledged::Unknown,
            }),
        }
    }

    /// Publishes messages of one stream as a whole: all of them are stored, or none is.
    pub(crate) async fn publish_batch(
        &self,
        messages: Vec<Outgoing>,
    ) -> Result<Ack, Unacknowledged> {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let last = messages.len();
        for (nth, mut message) in messages.into_iter().enumerate() {
            let nth = nth + 1;
            message.headers.insert(NATS_BATCH_ID, id.as_str());
            message.headers.insert(NATS_BATCH_SEQUENCE, nth.to_string().as_str());
            if nth == last {
                message.headers.insert(NATS_BATCH_COMMIT, "1");
                return self.publish(message).await;
            }
            let sent = self
                .client
                .publish_with_headers(message.subject, message.headers, message.payload)
                .await;
            if sent.is_err() {
                return Err(Unacknowledged::Unknown);
            }
        }
        Err(Unacknowledged::Unknown)
    }
}

fn read(payload: &[u8]) -> Result<Ack, Unacknowledged> {
    match serde_json::from_slice(payload) {
        Ok(Answer::Ack(ack)) => Ok(ack),
        Ok(Answer::Error { error }) => {
            Err(Unacknowledged::Refused { code: error.err_code, words: error.description })
        }
        // An empty answer acknowledges the first message of a batch, and nothing else.
        Err(_) => Err(Unacknowledged::Unknown),
    }
}
