//! What the health monitor tells, and what the next one needs to go on.

use std::collections::BTreeMap;

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::push::OrderedConfig;
use async_nats::jetstream::kv::{CreateErrorKind, Store, UpdateErrorKind};
use bytes::Bytes;
use futures_util::StreamExt as _;
use phoenix_domain::GuestKey;
use phoenix_domain::health::{
    AboutIncident, Condition, Incident, IncidentId, Piece, PieceKey, Turned,
};
use serde::Deserialize;

use crate::act::Act;
use crate::connect::Bus;
use crate::error::{BusError, Failing as _};
use crate::names::{HEALTH, WATCH};
use crate::publish::Outgoing;

const KEEPING: &str = "keeping what was found";

/// What an earlier monitor has kept, and where this one keeps the same. Somebody else who writes there
/// in between is noticed: then nothing is written.
#[derive(Debug)]
pub struct Memory {
    bucket: Store,
    prefix: String,
    revisions: BTreeMap<String, u64>,
}

/// Somebody else keeps what this one kept until now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Displaced;

impl Bus {
    /// Returns what an earlier monitor has kept.
    pub async fn memory(&self) -> Result<(Memory, Vec<Piece>), BusError> {
        self.allowed(Act::ActAsMonitor, self.read_memory()).await
    }

    async fn read_memory(&self) -> Result<(Memory, Vec<Piece>), BusError> {
        let doing = "reading what was kept";
        let bucket = self.bucket(WATCH, doing).await?;
        let prefix = self.cell.watch();
        let notes = self.notes(WATCH, &prefix, doing).await?;
        // What another version has kept is not guessed at: that guest is watched anew.
        let pieces =
            notes.iter().filter_map(|note| serde_json::from_slice(&note.text).ok()).collect();
        let revisions = notes.into_iter().map(|note| (note.key, note.revision)).collect();
        let memory = Memory { bucket, prefix, revisions };
        Ok((memory, pieces))
    }

    /// Tells of a guest's health: one subject for each of its probes.
    pub async fn tell_health(
        &self,
        guest: GuestKey,
        probe: &str,
        event: Vec<u8>,
    ) -> Result<(), BusError> {
        self.tell(self.cell.health(guest, probe), event).await
    }

    /// Tells of an incident: the last message about it is how it stands.
    pub async fn tell_incident(&self, id: &IncidentId, event: Vec<u8>) -> Result<(), BusError> {
        self.tell(self.cell.incident(id.as_str()), event).await
    }

    pub(crate) async fn tell(&self, subject: String, event: Vec<u8>) -> Result<(), BusError> {
        let headers = async_nats::HeaderMap::new();
        let told = self.publish(Outgoing { subject, headers, payload: event.into() }).await;
        told.map(drop).map_err(|err| err.of(self, Act::TellHealth, "telling of health"))
    }

    /// Returns how each incident stands that is still kept, as it was told last.
    pub async fn incidents(&self) -> Result<Vec<Incident>, BusError> {
        let mut incidents: Vec<_> = self
            .reading(Act::ReadHealth, || self.last_told::<AboutIncident>(self.cell.incidents()))
            .await?
            .into_iter()
            .map(|about| *about.incident)
            .collect();
        incidents.sort_by_key(|incident| incident.opened);
        Ok(incidents)
    }

    /// Returns what each probe of a guest found it to be, as it was told last.
    pub async fn conditions(&self, guest: GuestKey) -> Result<Vec<Condition>, BusError> {
        let told = || self.last_told::<Turned>(self.cell.health(guest, "*"));
        let turned = self.reading(Act::ReadHealth, told).await?;
        Ok(turned.into_iter().map(|turned| turned.to).collect())
    }

    /// Returns what was told last under each of these subjects. What another version tells is left
    /// out.
    async fn last_told<D: for<'de> Deserialize<'de>>(
        &self,
        subjects: String,
    ) -> Result<Vec<D>, BusError> {
        if self.reads_many()
            && let Some(messages) = self.lasts_at_once(HEALTH, subjects.clone()).await?
        {
            return Ok(messages.iter().filter_map(|message| data_of(&message.payload)).collect());
        }
        let doing = "reading what was told of health";
        let stream = self.jetstream.get_stream(HEALTH).await.failing(doing)?;
        let consumer = stream
            .create_consumer(OrderedConfig {
                // Only of one with a name the server's rules can say what it reads.
                name: Some(uuid::Uuid::new_v4().simple().to_string()),
                deliver_subject: self.client.new_inbox(),
                filter_subject: subjects,
                deliver_policy: DeliverPolicy::LastPerSubject,
                ..OrderedConfig::default()
            })
            .await
            .failing(doing)?;
        let mut left = consumer.cached_info().num_pending;
        let mut messages = consumer.messages().await.failing(doing)?;
        let mut told = Vec::new();
        while left > 0 {
            let Some(message) = messages.next().await else { break };
            let message = message.failing(doing)?;
            left = message.info().map_or(0, |info| info.pending);
            told.extend(data_of(&message.payload));
        }
        Ok(told)
    }
}

fn data_of<D: for<'de> Deserialize<'de>>(payload: &[u8]) -> Option<D> {
    serde_json::from_slice::<Told<D>>(payload).ok().map(|told| told.data)
}

#[derive(Deserialize)]
struct Told<D> {
    data: D,
}

impl Memory {
    /// Keeps a piece, or no longer keeps it.
    pub async fn keep(
        &mut self,
        key: &PieceKey,
        piece: Option<&Piece>,
    ) -> Result<Result<(), Displaced>, BusError> {
        let key = format!("{}{}", self.prefix, name(key));
        let last = self.revisions.get(&key).copied().unwrap_or_default();
        let Some(piece) = piece else {
            if last > 0 {
                let gone = self.bucket.purge(&key).await;
                gone.failing("forgetting what was kept")?;
                self.revisions.remove(&key);
            }
            return Ok(Ok(()));
        };
        let text = Bytes::from(serde_json::to_vec(piece)?);
        if last == 0 {
            // What was there and is gone has left a mark, which is nobody's.
            return match self.bucket.create(&key, text).await {
                Ok(revision) => {
                    self.revisions.insert(key, revision);
                    Ok(Ok(()))
                }
                Err(err) if err.kind() == CreateErrorKind::AlreadyExists => Ok(Err(Displaced)),
                Err(err) => Err(err).failing(KEEPING),
            };
        }
        match self.bucket.update(&key, text, last).await {
            Ok(revision) => {
                self.revisions.insert(key, revision);
                Ok(Ok(()))
            }
            Err(err) if err.kind() == UpdateErrorKind::WrongLastRevision => Ok(Err(Displaced)),
            Err(err) => Err(err).failing(KEEPING),
        }
    }
}

fn name(key: &PieceKey) -> String {
    match key {
        PieceKey::Guards => "guards".to_owned(),
        PieceKey::Incident(id) => format!("incident.{id}"),
        PieceKey::Guest(guest) => format!("guest.{guest}"),
        PieceKey::Probe(guest, probe) => format!("probe.{guest}.{probe}"),
    }
}
