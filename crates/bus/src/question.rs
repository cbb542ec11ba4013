//! Questions to the worker of a host. They go over core NATS: an answer comes or none does, and
//! nothing of either is kept.

use std::time::Duration;

use async_nats::{RequestErrorKind, Subscriber};
use futures_util::StreamExt as _;
use phoenix_domain::{
    Disk, Goal, GuestSpec, Impact, NodeName, Owner, Run, SnapshotName, StepName, Verdict, Volume,
    WorkerName,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tracing::warn;

use crate::connect::Bus;
use crate::error::{BoxError, BusError, Failing as _};

/// The version of questions and answers that this program speaks.
const VERSION: u32 = 1;
/// The group of those who answer for a host: one of them does.
const GROUP: &str = "workers";

/// What a worker is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Question {
    /// Whether it is there.
    Hello,
    /// What it would do to a guest once what that is cloned from can be cloned. It looks, and
    /// changes nothing.
    Plan {
        /// The guest as it should be.
        guest: Box<GuestSpec>,
        /// What is to become of it.
        goal: Goal,
        /// What it is cloned from, where that is made before it as this says.
        parent: Option<Box<GuestSpec>>,
    },
}

/// What a worker answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Answer {
    /// It is there.
    Here {
        /// Which process it is.
        worker: WorkerName,
    },
    /// What it would do.
    Plan(Box<Forecast>),
    /// It cannot say.
    Failed {
        /// Why not.
        what: String,
        /// What a human can do.
        advice: Option<String>,
    },
}

/// What would be done to a guest, and what there is of it now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// Whose guest has its number; absent where none has.
    pub owner: Option<Owner>,
    /// Whether that runs.
    pub run: Option<Run>,
    /// Its root disk.
    pub root_disk: Option<Disk>,
    /// What is mounted into it.
    pub volumes: Vec<Volume>,
    /// Its snapshots.
    pub snapshots: Vec<SnapshotName>,
    /// What would be changed, in order.
    pub changes: Vec<Ahead>,
    /// What stands in the way behind those changes.
    pub refusal: Option<Refused>,
}

/// A change that would be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ahead {
    /// In which step.
    pub step: StepName,
    /// The change, in words.
    pub change: String,
    /// What it costs whoever uses the guest.
    pub impact: Impact,
    /// Whether that is sure; the inside of a guest that stands still cannot be looked at.
    pub is_certain: bool,
    /// The command lines it would be made with, as far as the host has such.
    pub commands: Vec<String>,
}

/// A step that would not be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Which.
    pub step: StepName,
    /// Why not.
    pub what: String,
    /// What a human can do.
    pub advice: String,
    /// Whether that passes.
    pub verdict: Verdict,
}

impl Forecast {
    /// Returns what a guest that should be complete has drifted by, and nothing that may be so.
    pub fn drift(&self) -> Vec<String> {
        let changes = self.changes.iter().filter(|ahead| ahead.is_certain);
        let refusal = self.refusal.iter().filter(|refusal| match refusal.verdict {
            Verdict::AskHuman | Verdict::GiveUp => true,
            Verdict::Retry | Verdict::Wait => false,
        });
        let refusal = refusal.map(|refusal| refusal.what.clone());
        changes.map(|ahead| ahead.change.clone()).chain(refusal).collect()
    }
}

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    v: u32,
    #[serde(flatten)]
    said: T,
}

/// Why a question has no answer.
#[derive(Debug, Error)]
pub enum Unanswered {
    /// Nobody listens.
    #[error("no worker listens on host {host}")]
    Nobody {
        /// For which host.
        host: NodeName,
    },
    /// Somebody listens, and says nothing.
    #[error("the worker of host {host} did not answer within {} s", after.as_secs())]
    Silent {
        /// Of which host.
        host: NodeName,
        /// After how long.
        after: Duration,
    },
    /// The answer cannot be read.
    #[error("the answer of the worker of host {host} cannot be read; it may be of another version")]
    Unreadable {
        /// Of which host.
        host: NodeName,
        /// Why.
        #[source]
        err: serde_json::Error,
    },
    /// It could not be asked.
    #[error("the worker of host {host} cannot be asked")]
    NotAsked {
        /// Of which host.
        host: NodeName,
        /// Why.
        #[source]
        err: BoxError,
    },
}

impl Unanswered {
    /// Returns what a human can do.
    pub fn advice(&self) -> String {
        match self {
            Self::Nobody { host } => format!("start a worker on {host}: `phoenix worker`"),
            Self::Silent { host, .. } => {
                format!("see what the worker on {host} does: its log, and whether the host answers")
            }
            Self::Unreadable { .. } => "use the same version of phoenix on both sides".to_owned(),
            Self::NotAsked { .. } => {
                "see whether NATS is there, and lets you publish `phoenix.ask.>`".to_owned()
            }
        }
    }
}

/// Questions as they come in.
pub struct Questions {
    bus: Bus,
    asked: Subscriber,
}

/// A question, and who waits for the answer.
pub struct Asked {
    /// The question, or why it cannot be read.
    pub question: Result<Question, serde_json::Error>,
    bus: Bus,
    reply: async_nats::Subject,
}

impl Bus {
    /// Asks the worker of a host, and waits that long for its answer.
    pub async fn question(
        &self,
        host: &NodeName,
        question: &Question,
        patience: Duration,
    ) -> Result<Answer, Unanswered> {
        let not_asked = |err: BoxError| Unanswered::NotAsked { host: host.clone(), err };
        let silent = || Unanswered::Silent { host: host.clone(), after: patience };
        let body = write(question).map_err(|err| not_asked(err.into()))?;
        let request = async_nats::Request::new().payload(body.into()).timeout(Some(patience));
        match self.client.send_request(self.cell.ask(host), request).await {
            Ok(answer) => read(&answer.payload)
                .map_err(|err| Unanswered::Unreadable { host: host.clone(), err }),
            Err(err) => Err(match err.kind() {
                RequestErrorKind::NoResponders => Unanswered::Nobody { host: host.clone() },
                RequestErrorKind::TimedOut => silent(),
                RequestErrorKind::InvalidSubject
                | RequestErrorKind::MaxPayloadExceeded
                | RequestErrorKind::Other => not_asked(err.into()),
            }),
        }
    }

    /// Takes the questions to the worker of a host.
    pub async fn questions(&self, host: &NodeName) -> Result<Questions, BusError> {
        let subject = self.cell.ask(host);
        let asked = self.client.queue_subscribe(subject, GROUP.to_owned()).await;
        Ok(Questions { bus: self.clone(), asked: asked.failing("listening for questions")? })
    }
}

impl Questions {
    /// Returns the next question; nothing when the connection is closed.
    pub async fn next(&mut self) -> Option<Asked> {
        loop {
            let message = self.asked.next().await?;
            // Whoever names no place for the answer does not want one.
            if let Some(reply) = message.reply {
                let question = read(&message.payload);
                return Some(Asked { question, bus: self.bus.clone(), reply });
            }
        }
    }
}

impl Asked {
    /// Answers it. An answer that does not get there is as good as none: who asked waits no longer
    /// than it said.
    pub async fn answer(self, answer: &Answer) {
        let most = self.bus.client.server_info().max_payload;
        let body = match write(answer) {
            Ok(body) if body.len() <= most => Ok(body),
            Ok(body) => write(&Answer::Failed {
                what: format!("the answer has {} bytes, and NATS takes {most}", body.len()),
                advice: Some("ask about fewer changes at once".to_owned()),
            }),
            Err(err) => Err(err),
        };
        let sent = match body {
            Ok(body) => self.bus.client.publish(self.reply, body.into()).await.map_err(Into::into),
            Err(err) => Err(BoxError::from(err)),
        };
        if let Err(err) = sent {
            warn!(%err, "a question was not answered");
        }
    }
}

fn write(said: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Versioned { v: VERSION, said })
}

/// Reads what the other side says. A version that is not ours has words we do not know, so it is
/// not read at all.
fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, serde_json::Error> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    let Version { v } = serde_json::from_slice(body)?;
    if v == VERSION {
        return serde_json::from_slice::<Versioned<T>>(body).map(|read| read.said);
    }
    Err(serde::de::Error::custom(format!("it is of version {v}, and this one speaks {VERSION}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_of_another_version_is_not_guessed_at() {
        let question = read::<Question>(br#"{"v":2,"what":"hello"}"#).unwrap_err();

        assert_eq!(question.to_string(), "it is of version 2, and this one speaks 1");
        assert!(read::<Question>(br#"{"what":"hello"}"#).is_err());
        assert!(read::<Question>(b"not ours").is_err());
    }

    #[test]
    fn what_is_asked_arrives_as_it_was_asked() {
        let written = write(&Question::Hello).unwrap();
        assert_eq!(String::from_utf8_lossy(&written), r#"{"v":1,"what":"hello"}"#);
        assert_eq!(read::<Question>(&written).unwrap(), Question::Hello);

        let failed = Answer::Failed { what: "no".to_owned(), advice: None };
        assert_eq!(read::<Answer>(&write(&failed).unwrap()).unwrap(), failed);
    }
}
