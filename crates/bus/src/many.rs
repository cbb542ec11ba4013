//! Many messages with one question: the ends of a thousand logs cost two round trips, not a thousand, and a
//! log of two hundred messages three. Any server that has them answers, also while a cluster has no leader.

use std::collections::BTreeMap;

use async_nats::header::{HeaderName, NATS_SEQUENCE, NATS_SUBJECT};
use async_nats::{Message, StatusCode};
use futures_util::StreamExt as _;
use phoenix_domain::GuestKey;
use serde::Serialize;

use crate::connect::{Bus, PATIENCE};
use crate::error::{BusError, Failing as _};
use crate::log::{End, last_of};
use crate::names::{LOG, guest_of};
use crate::setup::is_not_found;

/// How many guests one question asks for; the server answers at most 1024.
const AT_ONCE: usize = 512;

/// How many messages that follow each other an answer has at most.
const IN_A_ROW: usize = 100;

#[derive(Serialize)]
#[serde(untagged)]
enum Question {
    LastOfEach { multi_last: Vec<String> },
    Next { next_by_subj: String, seq: u64, batch: usize },
}

/// What is answered.
struct Answer {
    messages: Vec<Message>,
    /// Whether the server has said all that was asked for.
    is_all: bool,
}

impl Bus {
    pub(crate) async fn ends_at_once(
        &self,
        guests: &[GuestKey],
    ) -> Result<BTreeMap<GuestKey, End>, BusError> {
        let mut ends = BTreeMap::new();
        for part in guests.chunks(AT_ONCE) {
            let multi_last = part.iter().map(|guest| self.cell.log(*guest)).collect();
            let answer = self.ask_stream(LOG, &Question::LastOfEach { multi_last }).await?;
            for message in answer.messages {
                self.take(&message, &mut ends).await?;
            }
            // Together they are more than the server says at once.
            for guest in part.iter().filter(|_| !answer.is_all) {
                ends.extend(self.end(*guest).await?.map(|end| (*guest, end)));
            }
        }
        Ok(ends)
    }

    /// Returns the ends of all logs of the cell; nothing where they are more than the server says at once.
    pub(crate) async fn all_ends_at_once(
        &self,
    ) -> Result<Option<BTreeMap<GuestKey, End>>, BusError> {
        let Some(messages) = self.lasts_at_once(LOG, self.cell.logs()).await? else {
            return Ok(None);
        };
        let mut ends = BTreeMap::new();
        for message in messages {
            self.take(&message, &mut ends).await?;
        }
        Ok(Some(ends))
    }

    /// Returns the last message under each of these subjects; nothing where they are more than the server says at
    /// once.
    pub(crate) async fn lasts_at_once(
        &self,
        stream: &str,
        subjects: String,
    ) -> Result<Option<Vec<Message>>, BusError> {
        let question = Question::LastOfEach { multi_last: vec![subjects] };
        let answer = self.ask_stream(stream, &question).await?;
        Ok(answer.is_all.then_some(answer.messages))
    }

    /// Returns the messages under these subjects, the oldest first, each with its sequence.
    pub(crate) async fn messages_at_once(
        &self,
        stream: &str,
        subjects: &str,
    ) -> Result<Vec<(u64, Message)>, BusError> {
        let (mut messages, mut seq) = (Vec::new(), 1);
        loop {
            let question =
                Question::Next { next_by_subj: subjects.to_owned(), seq, batch: IN_A_ROW };
            let found = self.ask_stream(stream, &question).await?;
            let found: Vec<_> = found
                .messages
                .into_iter()
                .filter_map(|message| {
                    Some((header(&message, NATS_SEQUENCE)?.parse().ok()?, message))
                })
                .collect();
            let Some((last, _)) = found.last() else { return Ok(messages) };
            seq = last + 1;
            messages.extend(found);
        }
    }

    /// Asks, and returns all that is answered.
    async fn ask_stream(&self, stream: &str, question: &Question) -> Result<Answer, BusError> {
        let question = serde_json::to_vec(question)?;
        let inbox = self.client.new_inbox();
        let mut answers = self.client.subscribe(inbox.clone()).await.failing(READING)?;
        let subject = format!("$JS.API.DIRECT.GET.{stream}");
        let asked = self.client.publish_with_reply(subject, inbox, question.into()).await;
        asked.failing(READING)?;
        let mut messages = Vec::new();
        loop {
            let answer = tokio::time::timeout(PATIENCE, answers.next()).await;
            let Ok(Some(answer)) = answer else {
                return Err(BusError::Unknown { what: READING });
            };
            match answer.status {
                None => messages.push(answer),
                Some(StatusCode::NOT_FOUND) => return Ok(Answer { messages, is_all: true }),
                Some(status) if status.as_u16() == END_OF_ANSWERS => {
                    let left = header(&answer, NATS_NUM_PENDING);
                    let is_all = left.is_none_or(|left| left == "0");
                    return Ok(Answer { messages, is_all });
                }
                Some(status) if status.as_u16() == TOO_MANY => {
                    return Ok(Answer { messages, is_all: false });
                }
                Some(_) => return Err(self.why_unanswered(stream).await),
            }
        }
    }

    /// Returns why nobody answers for a stream: it is not there, or no server has all of it for now.
    async fn why_unanswered(&self, stream: &str) -> BusError {
        match self.jetstream.get_stream(stream).await {
            Err(err) if is_not_found(&err) => self.not_there(stream).await,
            Err(err) => BusError::Failed { what: READING, err: Box::new(err) },
            Ok(_) => BusError::Unknown { what: READING },
        }
    }

    async fn take(
        &self,
        answer: &Message,
        ends: &mut BTreeMap<GuestKey, End>,
    ) -> Result<(), BusError> {
        let guest = header(answer, NATS_SUBJECT).and_then(guest_of);
        let seq = header(answer, NATS_SEQUENCE).and_then(|seq| seq.parse().ok());
        let (Some(guest), Some(seq)) = (guest, seq) else { return Ok(()) };
        let end = match last_of(guest, &answer.payload) {
            Ok(event) => Some(End { seq, event }),
            Err(_) => self.end(guest).await?,
        };
        ends.extend(end.map(|end| (guest, end)));
        Ok(())
    }
}

pub(crate) fn header(message: &Message, name: HeaderName) -> Option<&str> {
    Some(message.headers.as_ref()?.get(name)?.as_str())
}

const READING: &str = "reading what is stored";

/// How the server says that it has said everything.
const END_OF_ANSWERS: u16 = 204;
/// How the server says that it would be more than it says at once.
const TOO_MANY: u16 = 413;
/// How many messages it has not said then.
const NATS_NUM_PENDING: HeaderName = HeaderName::from_static("Nats-Num-Pending");
