//! Trying what a server permits; and how many servers keep what, which only tests look at.

use async_nats::Message;
use async_nats::header::NATS_TIME_STAMP;
use async_nats::jetstream::stream::Config;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use phoenix_domain::GuestKey;
use tokio::sync::broadcast::Receiver;

use crate::connect::{Bus, PATIENCE};
use crate::error::{BusError, Failing as _};
use crate::forbidden::{Forbidden, forbidden};
use crate::many::header;
use crate::names::LOG;
use crate::streams;
use crate::subjects::Subjects;

/// What no role may publish.
const MARK: &str = "phoenix.mark";

/// What came of trying what a role may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// How many subjects were tried.
    pub tried: usize,
    /// Those that the server does not permit, although the role needs them.
    pub refused: Vec<String>,
}

impl Bus {
    /// Tries what our role may do, as far as trying it changes nothing: what it hears, and what it looks at.
    pub async fn try_role(&self) -> Result<Option<Trial>, BusError> {
        let Some(role) = &self.role else { return Ok(None) };
        let Subjects { publish, subscribe } = role.subjects(&self.cell);
        let mut trial = Trial { tried: 0, refused: Vec::new() };
        for subject in publish.into_iter().filter(|subject| is_harmless(subject)) {
            trial.take(self.is_forbidden_to_publish(&subject).await?, subject);
        }
        for subject in subscribe {
            trial.take(self.is_forbidden_to_subscribe(&subject).await?, subject);
        }
        Ok(Some(trial))
    }

    /// Says whether the server forbids to publish under a subject, nothing of which is known here.
    pub async fn is_forbidden_to_publish(&self, subject: &str) -> Result<bool, BusError> {
        let told = self.hears_forbidden();
        let sent = self.client.publish(subject.to_owned(), Bytes::new()).await;
        sent.failing("publishing")?;
        self.is_forbidden_before_mark(told, subject).await
    }

    /// Says whether the server forbids to listen to a subject, nothing of which is known here.
    pub async fn is_forbidden_to_subscribe(&self, subject: &str) -> Result<bool, BusError> {
        let told = self.hears_forbidden();
        let _heard = self.client.subscribe(subject.to_owned()).await.failing("subscribing")?;
        self.is_forbidden_before_mark(told, subject).await
    }

    /// Says whether the server forbids what was just sent. It reads in the order in which it was sent: when it
    /// has refused the mark behind that, it has refused that as well, or does not.
    async fn is_forbidden_before_mark(
        &self,
        mut told: Receiver<Forbidden>,
        subject: &str,
    ) -> Result<bool, BusError> {
        let marked = self.client.publish(MARK.to_owned(), Bytes::new()).await;
        marked.failing("publishing")?;
        let refused = async {
            let is_ours = |told: &Forbidden| [subject, MARK].contains(&&*told.subject);
            let is_forbidden = forbidden(&mut told, is_ours).await == subject;
            if is_forbidden {
                forbidden(&mut told, |told| told.subject == MARK).await;
            }
            is_forbidden
        };
        let refused = tokio::time::timeout(PATIENCE, refused).await;
        refused.map_err(|_| BusError::Unknown { what: "asking for what nobody may" })
    }

    /// Has only one server keep each stream, as one did that was alone.
    pub async fn keep_by_one(&self) -> Result<(), BusError> {
        for name in streams::names() {
            let stream = self.jetstream.get_stream(&name).await.failing("looking at a stream")?;
            let config = Config { num_replicas: 1, ..stream.cached_info().config.clone() };
            self.jetstream.update_stream(config).await.failing("changing a stream")?;
        }
        Ok(())
    }

    /// Returns how many servers keep each stream, of that which the fewest keep.
    pub async fn fewest_replicas(&self) -> Result<usize, BusError> {
        let mut fewest = usize::MAX;
        for name in streams::names() {
            let stream = self.jetstream.get_stream(&name).await.failing("looking at a stream")?;
            fewest = fewest.min(stream.cached_info().config.num_replicas);
        }
        Ok(fewest)
    }

    /// Returns which server of a cluster leads the log, once one does.
    pub async fn leader_of_the_log(&self) -> Result<Option<String>, BusError> {
        let log = self.jetstream.get_stream(LOG).await.failing("looking at the log")?;
        Ok(log.cached_info().cluster.as_ref().and_then(|cluster| cluster.leader.clone()))
    }

    /// Says whether each stream has a leader, and so many others that have all of it.
    pub async fn are_followed_by(&self, others: usize) -> Result<bool, BusError> {
        for name in streams::names() {
            let stream = self.jetstream.get_stream(&name).await.failing("looking at a stream")?;
            let is_followed = stream.cached_info().cluster.as_ref().is_some_and(|cluster| {
                let current = cluster.replicas.iter().filter(|one| one.current);
                cluster.leader.is_some() && current.count() == others
            });
            if !is_followed {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns when the log took each message of a guest, by the clock of the server that led it.
    pub async fn taken_at(&self, guest: GuestKey) -> Result<Vec<DateTime<Utc>>, BusError> {
        let messages = self.messages_at_once(LOG, &self.cell.log(guest)).await?;
        let at = |(_, message): (u64, Message)| header(&message, NATS_TIME_STAMP)?.parse().ok();
        Ok(messages.into_iter().filter_map(at).collect())
    }
}

impl Trial {
    fn take(&mut self, is_forbidden: bool, subject: String) {
        self.tried += 1;
        if is_forbidden {
            self.refused.push(subject);
        }
    }
}

/// Says whether publishing nothing under a subject is a question that nobody waits for the answer of.
fn is_harmless(subject: &str) -> bool {
    let questions = ["$JS.API.STREAM.INFO.", "$JS.API.STREAM.MSG.GET.", "$JS.API.DIRECT.GET."];
    questions.iter().any(|question| subject.starts_with(question)) && !subject.contains(['*', '>'])
}
