//! The dead letters: what was given up, with its whole story.

use std::collections::BTreeMap;

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::Message;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, RawMessageErrorKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use phoenix_domain::{EventKind, Failure, GuestKey, Record};
use serde::{Deserialize, Serialize};

use crate::act::Act;
use crate::connect::Bus;
use crate::error::{BusError, Failing as _};
use crate::names::{ABOUT, CONTENT_TYPE, DEAD};
use crate::publish::Outgoing;

/// How much of a guest's history a letter holds.
const STORY: usize = 50;
/// How much of a message that is not ours a letter holds.
const ORIGINAL: usize = 128 * 1024;

/// A dead letter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The version of this form.
    pub version: u32,
    /// When it was written.
    pub time: DateTime<Utc>,
    /// The guest, where it is about one.
    pub guest: Option<GuestKey>,
    /// Why it was given up.
    pub cause: String,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong last.
    pub failure: Option<Failure>,
    /// The state of the guest, what was wanted of it included.
    pub state: Option<Record>,
    /// The last of what happened to it.
    pub story: Vec<Line>,
    /// The message itself, where it was not ours.
    pub original: Option<Original>,
}

/// One line of a story.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    /// Its place in the log.
    pub seq: u64,
    /// When.
    pub time: DateTime<Utc>,
    /// What kind of event.
    pub kind: EventKind,
    /// What belongs to it.
    pub fact: serde_json::Value,
}

/// A message that was not ours.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Original {
    /// The subject it came under.
    pub subject: String,
    /// Its headers.
    pub headers: BTreeMap<String, Vec<String>>,
    /// Its body, in base64; cut off where it was too long.
    pub body: String,
    /// How many bytes it had.
    pub length: usize,
}

/// A message found where only ours should be.
#[derive(Clone, Debug)]
pub struct Foreign {
    /// The guest it was found at.
    pub guest: Option<GuestKey>,
    /// What is wrong with it.
    pub cause: String,
    about: String,
    original: Original,
}

/// A letter and its number.
#[derive(Clone, Debug)]
pub struct Filed {
    /// The number people call it by.
    pub seq: u64,
    /// The letter; an error where it cannot be read.
    pub letter: Result<DeadLetter, String>,
}

impl Foreign {
    /// Returns where it was found.
    pub(crate) fn subject(&self) -> &str {
        &self.original.subject
    }

    pub(crate) fn of(
        message: &Message,
        stream: &str,
        seq: u64,
        guest: Option<GuestKey>,
        cause: String,
    ) -> Self {
        let mut headers = BTreeMap::new();
        for (name, values) in message.headers.iter().flat_map(|headers| headers.iter()) {
            let values = values.iter().map(ToString::to_string).collect();
            headers.insert(name.to_string(), values);
        }
        let kept = message.payload.get(..ORIGINAL).unwrap_or(&message.payload);
        Self {
            guest,
            cause,
            about: format!("{stream}/{seq}"),
            original: Original {
                subject: message.subject.to_string(),
                headers,
                body: STANDARD.encode(kept),
                length: message.payload.len(),
            },
        }
    }
}

impl Bus {
    /// Files a message that is not ours, once. Returns the number of the letter, unless it was
    /// filed before.
    pub async fn file_foreign(
        &self,
        foreign: &Foreign,
        time: DateTime<Utc>,
    ) -> Result<Option<u64>, BusError> {
        let letter = DeadLetter {
            version: 1,
            time,
            guest: foreign.guest,
            cause: format!("a message that is not ours: {}", foreign.cause),
            attempts: 0,
            failure: None,
            state: None,
            story: Vec::new(),
            original: Some(foreign.original.clone()),
        };
        self.file(&letter, &foreign.about).await
    }

    /// Files a guest that was given up, once for each claim. Returns the number of the letter.
    pub async fn file_guest(
        &self,
        state: &Record,
        cause: &str,
        about: &str,
        time: DateTime<Utc>,
    ) -> Result<u64, BusError> {
        let history = self.history(state.guest).await?;
        let story = history.iter().skip(history.len().saturating_sub(STORY)).map(|(seq, event)| {
            let fact = match event.fact.kind() {
                // The spec is in the state already.
                EventKind::Requested | EventKind::RepairRequested => serde_json::json!({
                    "revision": event.state.desired.revision,
                    "run": event.state.desired.run,
                    "by": event.state.desired.by,
                }),
                EventKind::CancelRequested
                | EventKind::Answered
                | EventKind::Claimed
                | EventKind::StepTaken
                | EventKind::StepFailed
                | EventKind::RetryWait
                | EventKind::Blocked
                | EventKind::Completed
                | EventKind::RestartBegun
                | EventKind::Drifted
                | EventKind::Failed
                | EventKind::ReturnBegun
                | EventKind::DeadLettered
                | EventKind::Cancelled => serde_json::to_value(&event.fact).unwrap_or_default(),
            };
            Line { seq: *seq, time: event.time, kind: event.fact.kind(), fact }
        });
        let letter = DeadLetter {
            version: 1,
            time,
            guest: Some(state.guest),
            cause: cause.to_owned(),
            attempts: state.work.attempts,
            failure: state.work.failure.clone(),
            state: Some(state.clone()),
            story: story.collect(),
            original: None,
        };
        match self.file(&letter, about).await? {
            Some(seq) => Ok(seq),
            None => self
                .filed_about(Some(state.guest), about)
                .await?
                .ok_or(BusError::Unknown { what: "filing a dead letter" }),
        }
    }

    /// Returns every dead letter of the cell, oldest first.
    pub async fn dead_letters(&self) -> Result<Vec<Filed>, BusError> {
        self.reading(Act::ReadDead, || self.read_letters()).await
    }

    async fn read_letters(&self) -> Result<Vec<Filed>, BusError> {
        let filed = |seq, payload: &[u8]| {
            let letter = serde_json::from_slice(payload).map_err(|err| err.to_string());
            Filed { seq, letter }
        };
        if self.reads_many() {
            let messages = Box::pin(self.messages_at_once(DEAD, &self.cell.deads())).await?;
            return Ok(messages
                .iter()
                .map(|(seq, message)| filed(*seq, &message.payload))
                .collect());
        }
        let stream = self.jetstream.get_stream_no_info(DEAD).await.failing("reading letters")?;
        let mut letters = Vec::new();
        let mut next = 1;
        loop {
            let message = stream
                .raw_message_builder()
                .next_by_subject(self.cell.deads())
                .sequence(next)
                .send()
                .await;
            match message {
                Ok(message) => {
                    next = message.sequence + 1;
                    letters.push(filed(message.sequence, &message.payload));
                }
                Err(err) if matches!(err.kind(), RawMessageErrorKind::NoMessageFound) => {
                    return Ok(letters);
                }
                Err(err) => {
                    return Err(BusError::Failed { what: "reading letters", err: Box::new(err) });
                }
            }
        }
    }

    /// Returns how many letters there are and the number of the last one: what is otherwise whenever one
    /// was filed or removed. It costs one question, however many there are.
    pub async fn dead_mark(&self) -> Result<(u64, u64), BusError> {
        let stream = self.allowed(Act::ReadDead, async {
            self.jetstream.get_stream(DEAD).await.failing("reading letters")
        });
        let stream = stream.await?;
        let state = &stream.cached_info().state;
        Ok((state.messages, state.last_sequence))
    }

    /// Removes a dead letter. Says whether there was one.
    pub async fn discard(&self, seq: u64) -> Result<bool, BusError> {
        let stream = self.jetstream.get_stream_no_info(DEAD).await.failing("discarding")?;
        let is_ours = self.dead_letters().await?.iter().any(|filed| filed.seq == seq);
        if !is_ours {
            return Ok(false);
        }
        self.allowed(Act::DiscardDead, async {
            stream.delete_message(seq).await.failing("discarding a letter")
        })
        .await
    }

    async fn file(&self, letter: &DeadLetter, about: &str) -> Result<Option<u64>, BusError> {
        if self.allowed(Act::ReadDead, self.filed_about(letter.guest, about)).await?.is_some() {
            return Ok(None);
        }
        let mut headers = async_nats::HeaderMap::new();
        headers.insert(CONTENT_TYPE, "application/json");
        headers.insert(ABOUT, about);
        headers.insert(NATS_MESSAGE_ID, format!("dead:{about}").as_str());
        let subject = self.cell.dead(letter.guest, about);
        let payload = serde_json::to_vec(letter)?.into();
        match self.publish(Outgoing { subject, headers, payload }).await {
            Ok(ack) => Ok(Some(ack.seq)),
            Err(err) => Err(err.of(self, Act::FileDead, "filing a dead letter")),
        }
    }

    /// Returns the letter about this, when it is the last one about this guest.
    async fn filed_about(
        &self,
        guest: Option<GuestKey>,
        about: &str,
    ) -> Result<Option<u64>, BusError> {
        let stream = self.jetstream.get_stream_no_info(DEAD).await.failing("reading letters")?;
        match stream.get_last_raw_message_by_subject(&self.cell.dead(guest, about)).await {
            Ok(last) => {
                let is_it = last.headers.get(ABOUT).is_some_and(|value| value.as_str() == about);
                Ok(is_it.then_some(last.sequence))
            }
            Err(err) if matches!(err.kind(), LastRawMessageErrorKind::NoMessageFound) => Ok(None),
            Err(err) => Err(BusError::Failed { what: "reading letters", err: Box::new(err) }),
        }
    }
}
