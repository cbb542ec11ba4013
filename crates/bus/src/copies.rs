//! Copies of streams and buckets, as the server makes them: with every sequence, and put back with every sequence.

use std::io;

use async_nats::jetstream::stream::StorageType;
use async_nats::{Message, StatusCode};
use bytes::Bytes;
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::act::Act;
use crate::connect::{Bus, PATIENCE};
use crate::durability::Durability;
use crate::error::{BusError, Failing as _};
use crate::streams;

/// How much comes in one message.
const CHUNK: usize = 128 * 1024;
const COPYING: &str = "copying a stream";
const RESTORING: &str = "restoring a stream";
/// The server's word for a stream that is not there.
const NOT_THERE: u64 = 10059;

/// What a copy is of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CopyOf {
    /// The stream, or the one behind a bucket.
    pub stream: String,
    /// How it was set up.
    pub config: Value,
    /// How it was.
    pub state: Value,
}

impl CopyOf {
    /// Returns how many messages it has.
    pub fn messages(&self) -> u64 {
        self.state.get("messages").and_then(Value::as_u64).unwrap_or(0)
    }
}

impl Bus {
    /// Returns the streams that are worth a copy: what lives in memory follows from the others.
    pub fn worth_copying() -> Vec<String> {
        let in_memory = streams::streams(1, Durability::Synced, true)
            .into_iter()
            .filter(|stream| stream.storage == StorageType::Memory);
        let in_memory: Vec<_> = in_memory.map(|stream| stream.name).collect();
        streams::names().into_iter().filter(|name| !in_memory.contains(name)).collect()
    }

    /// Copies a stream, if it is there.
    pub async fn copy_stream(
        &self,
        stream: &str,
        take: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<Option<CopyOf>, BusError> {
        self.allowed(Act::Copy, self.read_copy(stream, take)).await
    }

    async fn read_copy(
        &self,
        stream: &str,
        mut take: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<Option<CopyOf>, BusError> {
        let inbox = self.client.new_inbox();
        let mut chunks = self.client.subscribe(inbox.clone()).await.failing(COPYING)?;
        let asked = json!({ "deliver_subject": inbox, "chunk_size": CHUNK });
        let subject = format!("$JS.API.STREAM.SNAPSHOT.{stream}");
        let Some(answer) = self.ask_server(subject, &asked, COPYING).await? else {
            return Ok(None);
        };
        loop {
            let chunk = tokio::time::timeout(PATIENCE, chunks.next()).await;
            let Ok(Some(chunk)) = chunk else { return Err(BusError::Unknown { what: COPYING }) };
            if chunk.payload.is_empty() {
                is_whole(&chunk)?;
                break;
            }
            take(&chunk.payload).failing("writing a copy")?;
            // The server sends no more than is taken.
            if let Some(reply) = chunk.reply {
                self.client.publish(reply, Bytes::new()).await.failing(COPYING)?;
            }
        }
        let part = |name: &str| answer.get(name).cloned().unwrap_or_default();
        let (config, state) = (part("config"), part("state"));
        Ok(Some(CopyOf { stream: stream.to_owned(), config, state }))
    }

    /// Returns how many messages a stream has, if it is there.
    pub async fn messages_of(&self, stream: &str) -> Result<Option<u64>, BusError> {
        let looking = async { Ok(self.info(stream).await?.map(|info| info.state.messages)) };
        self.allowed(Act::Copy, looking).await
    }

    /// Puts a copy in the place of what is there.
    pub async fn put_back(
        &self,
        copy: &CopyOf,
        give: impl FnMut() -> io::Result<Option<Vec<u8>>>,
    ) -> Result<(), BusError> {
        self.allowed(Act::Copy, self.write_copy(copy, give)).await
    }

    async fn write_copy(
        &self,
        copy: &CopyOf,
        mut give: impl FnMut() -> io::Result<Option<Vec<u8>>>,
    ) -> Result<(), BusError> {
        let stream = &copy.stream;
        // A server restores none that is there.
        let removing = format!("$JS.API.STREAM.DELETE.{stream}");
        self.ask_server(removing, &Value::Null, RESTORING).await?;
        let mut config = copy.config.clone();
        if let Some(config) = config.as_object_mut() {
            // As many as there are servers now: a copy of three may be put back into one.
            let replicas = self.replicas(Durability::Synced);
            config.insert("num_replicas".to_owned(), replicas.into());
        }
        let asked = json!({ "config": config, "state": copy.state });
        let subject = format!("$JS.API.STREAM.RESTORE.{stream}");
        let answer = self.ask_server(subject, &asked, RESTORING).await?.unwrap_or_default();
        let Some(to) = answer.get("deliver_subject").and_then(Value::as_str) else {
            return Err(BusError::Unknown { what: RESTORING });
        };
        loop {
            let chunk = give().failing("reading a copy")?;
            let is_last = chunk.is_none();
            let chunk = Bytes::from(chunk.unwrap_or_default());
            let answer = self.client.request(to.to_owned(), chunk).await.failing(RESTORING)?;
            refused(&answer.payload, RESTORING)?;
            if is_last {
                return Ok(());
            }
        }
    }

    /// Asks the server, and returns its answer; nothing where there is no such stream.
    pub(crate) async fn ask_server(
        &self,
        subject: String,
        asked: &Value,
        what: &'static str,
    ) -> Result<Option<Value>, BusError> {
        let asked = if asked.is_null() { Vec::new() } else { serde_json::to_vec(asked)? };
        let answer = self.client.request(subject, asked.into()).await.failing(what)?;
        refused(&answer.payload, what)
    }
}

/// Returns an answer that is no refusal; nothing where there is no such stream.
fn refused(answer: &[u8], what: &'static str) -> Result<Option<Value>, BusError> {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let Some(error) = answer.get("error") else { return Ok(Some(answer)) };
    if error.get("err_code").and_then(Value::as_u64) == Some(NOT_THERE) {
        return Ok(None);
    }
    let said = error.get("description").and_then(Value::as_str).unwrap_or("refused");
    Err(BusError::Failed { what, err: said.into() })
}

/// Fails where a copy ends before its time.
fn is_whole(end: &Message) -> Result<(), BusError> {
    match end.status {
        None | Some(StatusCode::OK) => Ok(()),
        Some(status) if status.as_u16() == 204 => Ok(()),
        Some(status) => {
            let said = end.description.clone().unwrap_or_else(|| status.to_string());
            Err(BusError::Failed { what: COPYING, err: said.into() })
        }
    }
}
