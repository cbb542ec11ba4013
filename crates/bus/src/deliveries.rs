//! Webhooks that were accepted, so that a repetition does nothing.

use chrono::{DateTime, Utc};
use phoenix_domain::{RunId, SourceName};
use serde::{Deserialize, Serialize};

use crate::connect::Bus;
use crate::error::{BusError, Failing as _};
use crate::names::DELIVERIES;

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// When.
    pub at: DateTime<Utc>,
    /// The run that it made.
    pub run: RunId,
}

impl Bus {
    /// Returns what became of a delivery that was accepted within the last days.
    pub async fn delivery(
        &self,
        source: &SourceName,
        id: &str,
    ) -> Result<Option<Accepted>, BusError> {
        let doing = "looking for a delivery";
        let bucket = self.jetstream.get_key_value(DELIVERIES).await.failing(doing)?;
        let noted = bucket.get(self.cell.delivery(source, id)).await.failing(doing)?;
        Ok(noted.and_then(|noted| serde_json::from_slice(&noted).ok()))
    }

    /// Notes that a delivery was accepted. What it asks for stands in the logs already.
    pub async fn note_delivery(
        &self,
        source: &SourceName,
        id: &str,
        accepted: &Accepted,
    ) -> Result<(), BusError> {
        let doing = "noting a delivery";
        let bucket = self.jetstream.get_key_value(DELIVERIES).await.failing(doing)?;
        let note = serde_json::to_vec(accepted)?;
        bucket.put(self.cell.delivery(source, id), note.into()).await.failing(doing)?;
        Ok(())
    }
}
