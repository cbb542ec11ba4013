//! All that stands in a bucket, with a question for each hundred notes instead of one for each.

use async_nats::Message;
use async_nats::header::{HeaderName, NATS_SUBJECT};
use async_nats::jetstream::kv::Operation;
use bytes::Bytes;
use futures_util::TryStreamExt as _;

use crate::connect::Bus;
use crate::error::{BusError, Failing as _};
use crate::many::header;

/// A note, as it stands in a bucket.
pub(crate) struct Note {
    pub(crate) key: String,
    /// The revision that a change of it has to be made for.
    pub(crate) revision: u64,
    pub(crate) text: Bytes,
}

impl Bus {
    /// Returns all notes under keys that begin like this, up to a dot. A bucket that nobody has made yet has none.
    pub(crate) async fn notes(
        &self,
        bucket: &'static str,
        prefix: &str,
        doing: &'static str,
    ) -> Result<Vec<Note>, BusError> {
        if !self.reads_many() {
            return self.notes_one_by_one(bucket, prefix, doing).await;
        }
        // A bucket keeps one message of each key.
        let of_bucket = format!("$KV.{bucket}.");
        let subjects = format!("{of_bucket}{prefix}>");
        let messages = match self.messages_at_once(&format!("KV_{bucket}"), &subjects).await {
            Ok(messages) => messages,
            Err(BusError::NotThere { .. } | BusError::NotSetUp { .. }) => return Ok(Vec::new()),
            Err(err) => return Err(err),
        };
        let stands = messages.into_iter().filter(|(_, message)| !is_mark(message));
        let note = |(revision, message): (u64, Message)| {
            let key = header(&message, NATS_SUBJECT)?.strip_prefix(&of_bucket)?.to_owned();
            Some(Note { key, revision, text: message.payload })
        };
        Ok(stands.filter_map(note).collect())
    }

    /// The same, of a server that answers one question at a time.
    async fn notes_one_by_one(
        &self,
        bucket: &'static str,
        prefix: &str,
        doing: &'static str,
    ) -> Result<Vec<Note>, BusError> {
        let Some(bucket) = self.bucket_to_read(bucket, doing).await? else { return Ok(Vec::new()) };
        let keys: Vec<String> =
            bucket.keys().await.failing(doing)?.try_collect().await.failing(doing)?;
        let mut notes = Vec::new();
        for key in keys.into_iter().filter(|key| key.starts_with(prefix)) {
            let entry = bucket.entry(&key).await.failing(doing)?;
            let stands = entry.filter(|entry| entry.operation == Operation::Put);
            notes.extend(stands.map(|entry| Note {
                key,
                revision: entry.revision,
                text: entry.value,
            }));
        }
        Ok(notes)
    }
}

/// Says whether a message only marks that a note is gone: somebody took it away, or it has lived long enough.
fn is_mark(message: &Message) -> bool {
    [KV_OPERATION, MARKER_REASON].into_iter().any(|name| header(message, name).is_some())
}

const KV_OPERATION: HeaderName = HeaderName::from_static("KV-Operation");
const MARKER_REASON: HeaderName = HeaderName::from_static("Nats-Marker-Reason");
