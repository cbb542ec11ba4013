//! A lease: of several who could act, one does, until it is silent.
//!
//! It is a courtesy, and no fence: what is done under it is fenced where it is written, by a
//! compare-and-set on what was there before.

use std::time::Duration;

use async_nats::jetstream::kv::{CreateErrorKind, Operation, Store, UpdateErrorKind};
use bytes::Bytes;
use tokio::time::{Instant, sleep};

use crate::act::Act;
use crate::connect::Bus;
use crate::error::{BusError, Failing as _};
use crate::names::LEASES;

/// How long the holder may be silent before somebody else takes over, by the clock of who watches.
const SILENCE: Duration = Duration::from_secs(6);
/// How often somebody who wants it looks.
const LOOK: Duration = Duration::from_secs(1);

/// The right to act, as long as it is renewed.
#[derive(Debug)]
pub struct Lease {
    bucket: Store,
    key: String,
    holder: String,
    revision: u64,
}

impl Bus {
    /// Waits until this one may act as the only one of its kind.
    pub async fn lease(&self, what: &str, holder: &str) -> Result<Lease, BusError> {
        self.allowed(Act::ActAsMonitor, self.wait_for_lease(what, holder)).await
    }

    async fn wait_for_lease(&self, what: &str, holder: &str) -> Result<Lease, BusError> {
        let bucket = self.bucket(LEASES, "asking for a lease").await?;
        let key = self.cell.lease(what);
        let mut seen: Option<(u64, Instant)> = None;
        loop {
            if let Some(revision) = try_take(&bucket, &key, holder, &mut seen).await? {
                return Ok(Lease { bucket, key, holder: holder.to_owned(), revision });
            }
            sleep(LOOK).await;
        }
    }
}

/// Takes a lease nobody has, or whose holder was silent for too long.
async fn try_take(
    bucket: &Store,
    key: &str,
    holder: &str,
    seen: &mut Option<(u64, Instant)>,
) -> Result<Option<u64>, BusError> {
    let value = Bytes::from(holder.to_owned());
    let there = bucket.entry(key).await.failing("looking at a lease")?;
    let Some(there) = there.filter(|entry| entry.operation == Operation::Put) else {
        return match bucket.create(key, value).await {
            Ok(revision) => Ok(Some(revision)),
            Err(err) if err.kind() == CreateErrorKind::AlreadyExists => Ok(None),
            Err(err) => Err(err).failing("taking a lease"),
        };
    };
    match seen {
        Some((revision, since)) if *revision == there.revision => {
            if since.elapsed() < SILENCE {
                return Ok(None);
            }
        }
        Some(_) | None => {
            *seen = Some((there.revision, Instant::now()));
            return Ok(None);
        }
    }
    match bucket.update(key, value, there.revision).await {
        Ok(revision) => Ok(Some(revision)),
        Err(err) if err.kind() == UpdateErrorKind::WrongLastRevision => Ok(None),
        Err(err) => Err(err).failing("taking a lease"),
    }
}

impl Lease {
    /// How often it has to be renewed so that nobody else takes it.
    pub const PULSE: Duration = Duration::from_secs(2);

    /// Renews it; says whether it still is ours.
    pub async fn renew(&mut self) -> Result<bool, BusError> {
        let value = Bytes::from(self.holder.clone());
        match self.bucket.update(&self.key, value, self.revision).await {
            Ok(revision) => {
                self.revision = revision;
                Ok(true)
            }
            Err(err) if err.kind() == UpdateErrorKind::WrongLastRevision => Ok(false),
            Err(err) => Err(err).failing("renewing a lease"),
        }
    }

    /// Gives it back, so that nobody has to wait for it.
    pub async fn give_back(self) -> Result<(), BusError> {
        let gone = self.bucket.delete_expect_revision(&self.key, Some(self.revision)).await;
        gone.failing("giving back a lease")
    }
}
