//! Notes in a bucket that several may change: each change is a compare-and-set on what was there.

use async_nats::jetstream::kv::{Operation, Store, UpdateErrorKind};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::act::Act;
use crate::connect::Bus;
use crate::error::{BusError, Failing as _};

/// How often others may be faster before a change gives up.
const TRIES: u32 = 12;
const KEEPING: &str = "keeping a note";

/// What is there, before anybody has looked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Guess {
    /// Most likely nothing: it is looked only where that was wrong.
    Nothing,
    /// Nobody knows.
    Unknown,
}

impl Bus {
    /// Returns a note; what cannot be read is none.
    pub(crate) async fn kept<T: DeserializeOwned>(
        &self,
        act: Act,
        bucket: &'static str,
        key: &str,
    ) -> Result<Option<T>, BusError> {
        let reading = || async {
            let bucket = self.bucket_to_read(bucket, "reading a note").await?;
            let Some(bucket) = bucket else { return Ok(None) };
            Ok(read(&bucket, key).await?.0)
        };
        self.reading(act, reading).await
    }

    /// Returns all notes whose keys begin like this, with the rest of their keys.
    pub(crate) async fn all_kept<T: DeserializeOwned>(
        &self,
        act: Act,
        bucket: &'static str,
        prefix: &str,
    ) -> Result<Vec<(String, T)>, BusError> {
        self.reading(act, || self.read_all_kept(bucket, prefix)).await
    }

    async fn read_all_kept<T: DeserializeOwned>(
        &self,
        bucket: &'static str,
        prefix: &str,
    ) -> Result<Vec<(String, T)>, BusError> {
        let notes = self.notes(bucket, prefix, "reading notes").await?;
        let read = notes.into_iter().filter_map(|note| {
            let rest = note.key.strip_prefix(prefix)?.to_owned();
            Some((rest, serde_json::from_slice(&note.text).ok()?))
        });
        Ok(read.collect())
    }

    /// Changes a note and returns it as it is then. `change` is asked as often as somebody else is
    /// faster, and the last answer counts; where it returns nothing, all stays as it was.
    pub(crate) async fn change_kept<T: Serialize + DeserializeOwned>(
        &self,
        act: Act,
        bucket: &'static str,
        key: &str,
        change: impl FnMut(Option<T>) -> Option<T>,
    ) -> Result<Option<T>, BusError> {
        self.change_kept_from(Guess::Unknown, act, bucket, key, change).await
    }

    /// The same, where it is known what most likely is there.
    pub(crate) async fn change_kept_from<T: Serialize + DeserializeOwned>(
        &self,
        guess: Guess,
        act: Act,
        bucket: &'static str,
        key: &str,
        change: impl FnMut(Option<T>) -> Option<T>,
    ) -> Result<Option<T>, BusError> {
        self.allowed(act, self.write_kept(guess, bucket, key, change)).await
    }

    async fn write_kept<T: Serialize + DeserializeOwned>(
        &self,
        guess: Guess,
        bucket: &'static str,
        key: &str,
        mut change: impl FnMut(Option<T>) -> Option<T>,
    ) -> Result<Option<T>, BusError> {
        let bucket = self.bucket(bucket, KEEPING).await?;
        for attempt in 0..TRIES {
            let (there, revision) = match guess {
                Guess::Nothing if attempt == 0 => (None, 0),
                Guess::Nothing | Guess::Unknown => read(&bucket, key).await?,
            };
            let Some(note) = change(there) else { return Ok(None) };
            if replace(&bucket, key, &note, revision).await? {
                return Ok(Some(note));
            }
        }
        Err(BusError::Contended { guest: key.to_owned() })
    }

    /// Puts a note in the place of the one with this revision. Says whether that was still there.
    pub(crate) async fn replace_kept<T: Serialize>(
        &self,
        act: Act,
        bucket: &'static str,
        key: &str,
        note: &T,
        revision: u64,
    ) -> Result<bool, BusError> {
        let replacing = async {
            let bucket = self.bucket(bucket, KEEPING).await?;
            replace(&bucket, key, note, revision).await
        };
        self.allowed(act, replacing).await
    }

    /// Forgets a note.
    pub(crate) async fn forget_kept(
        &self,
        act: Act,
        bucket: &'static str,
        key: &str,
    ) -> Result<(), BusError> {
        let doing = "forgetting a note";
        let forgetting = async {
            let bucket = self.bucket(bucket, doing).await?;
            bucket.purge(key).await.failing(doing)
        };
        self.allowed(act, forgetting).await
    }
}

/// Returns a note, and the revision that a change of it has to be made for.
async fn read<T: DeserializeOwned>(
    bucket: &Store,
    key: &str,
) -> Result<(Option<T>, u64), BusError> {
    let entry = bucket.entry(key).await.failing("reading a note")?;
    let revision = entry.as_ref().map_or(0, |entry| entry.revision);
    let note = entry
        .filter(|entry| entry.operation == Operation::Put)
        .and_then(|entry| serde_json::from_slice(&entry.value).ok());
    Ok((note, revision))
}

async fn replace<T: Serialize>(
    bucket: &Store,
    key: &str,
    note: &T,
    revision: u64,
) -> Result<bool, BusError> {
    match bucket.update(key, Bytes::from(serde_json::to_vec(note)?), revision).await {
        Ok(_) => Ok(true),
        Err(err) if err.kind() == UpdateErrorKind::WrongLastRevision => Ok(false),
        Err(err) => Err(err).failing(KEEPING),
    }
}
