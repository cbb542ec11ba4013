//! Buckets, each looked up once: to find one costs a round trip, and most are asked for again and again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_nats::jetstream::kv::Store;

use crate::connect::Bus;
use crate::error::{BusError, Failing as _};

/// The buckets that were found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buckets(Arc<Mutex<BTreeMap<&'static str, Store>>>);

impl Buckets {
    fn found(&self, name: &str) -> Option<Store> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn keep(&self, name: &'static str, bucket: Store) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, bucket);
    }
}

impl Bus {
    /// Returns a bucket for who only reads it. One that an older version has not made is empty: nothing is returned.
    pub(crate) async fn bucket_to_read(
        &self,
        name: &'static str,
        doing: &'static str,
    ) -> Result<Option<Store>, BusError> {
        match self.bucket(name, doing).await {
            Ok(bucket) => Ok(Some(bucket)),
            Err(BusError::NotThere { .. } | BusError::NotSetUp { .. }) => Ok(None),
            Err(err) => Err(err),
        }
    }

    /// Returns a bucket. Whether it is still there shows when it is used.
    pub(crate) async fn bucket(
        &self,
        name: &'static str,
        doing: &'static str,
    ) -> Result<Store, BusError> {
        if let Some(bucket) = self.buckets.found(name) {
            return Ok(bucket);
        }
        let bucket = match self.jetstream.get_key_value(name).await {
            Ok(bucket) => bucket,
            Err(err) => {
                let stream = format!("KV_{name}");
                return match self.info(&stream).await {
                    Ok(None) => Err(self.not_there(&stream).await),
                    Ok(Some(_)) | Err(_) => Err(err).failing(doing),
                };
            }
        };
        self.buckets.keep(name, bucket.clone());
        Ok(bucket)
    }
}
