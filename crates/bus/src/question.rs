//! Questions to the worker of a host. They go over core NATS: an answer comes or none does, and
//! nothing of either is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use async_nats::{RequestErrorKind, StatusCode, Subscriber};
use futures_util::StreamExt as _;
use phoenix_domain::health::{Docker, Process};
use phoenix_domain::{
    Disk, FeatureName, FileName, Goal, GuestSpec, Impact, NodeName, Owner, Run, SnapshotName,
    StepName, Verdict, Volume, WorkerName,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tracing::warn;

use crate::act::Act;
use crate::connect::Bus;
use crate::error::{BoxError, BusError, Failing as _};

/// The version of questions and answers that this program speaks.
const VERSION: u32 = 3;
/// The group of those who answer for a host: one of them does.
const GROUP: &str = "workers";
/// About how many guests is asked in one message at most.
const AT_ONCE: usize = 100;
/// What a question takes beside its guests, generously.
const AROUND: usize = 1024;

/// What a worker is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Question {
    /// Whether it is there.
    Hello,
    /// What it would do to guests once what those are cloned from can be cloned. It looks, and
    /// changes nothing. Each guest has an answer of its own.
    Plan {
        /// The guests.
        guests: Vec<Inquiry>,
    },
    /// How a guest does, seen from within. It looks, and changes nothing.
    Inspect {
        /// The guest as it was made.
        guest: Box<GuestSpec>,
        /// Whether its checks are run as well.
        checks: bool,
    },
    /// To run a test in a guest, and to say how that went.
    Test {
        /// The guest as it was made.
        guest: Box<GuestSpec>,
        /// The test.
        script: FileName,
    },
}

/// What is wanted of a guest about which a worker is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inquiry {
    /// The guest as it should be.
    pub guest: Box<GuestSpec>,
    /// What is to become of it.
    pub goal: Goal,
    /// What it is cloned from, where that is made before it as this says.
    pub parent: Option<Box<GuestSpec>>,
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
    /// What it would do to one of the guests it was asked about.
    Plan {
        /// Which of them, counted from 0.
        nth: usize,
        /// What it would do.
        forecast: Box<Forecast>,
    },
    /// It cannot say that of one of the guests.
    Blind {
        /// Which of them, counted from 0.
        nth: usize,
        /// Why not, and what can be done.
        why: Blind,
    },
    /// How a guest does.
    Inspected {
        /// Whether it runs.
        is_running: bool,
        /// What runs what its features serve.
        processes: BTreeMap<FeatureName, Process>,
        /// What a check of it says is wrong; absent where all pass, or none was made.
        ailing: Option<String>,
        /// Where its services answer, where that is not at its own address.
        elsewhere: BTreeMap<FeatureName, String>,
        /// What Docker says in it, where one of its probes wants to know.
        #[serde(default)]
        docker: Docker,
    },
    /// How a test went.
    Tested {
        /// Whether it passed.
        passed: bool,
        /// The end of what it printed.
        output: String,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
    /// It has no answer.
    Failed {
        /// Why not.
        what: String,
        /// What a human can do.
        advice: Option<String>,
    },
}

/// Why it is not known what would be done to a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blind {
    /// Why not.
    pub what: String,
    /// What a human can do.
    pub advice: Option<String>,
}

/// What was answered about guests, in the order in which they were asked about.
#[derive(Debug)]
pub struct Answers {
    /// What is known of each; absent where there was no answer.
    pub told: Vec<Option<Result<Box<Forecast>, Blind>>>,
    /// Why there was none.
    pub silence: Option<Unanswered>,
}

/// What would be done to a guest, and what there is of it now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// Whose guest has its number; absent where none has.
    pub owner: Option<Owner>,
    /// Whether that runs.
    pub run: Option<Run>,
    /// The addresses it has.
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
    /// Its root disk.
    pub root_disk: Option<Disk>,
    /// What is mounted into it.
    pub volumes: Vec<Volume>,
    /// Volumes of a guest with its number that are mounted no longer.
    pub kept: Vec<Volume>,
    /// Its snapshots.
    pub snapshots: Vec<SnapshotName>,
    /// Features that are in it, its own or inherited, whose recipe was another one when they were
    /// installed.
    pub outdated: BTreeSet<FeatureName>,
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
    /// What it changes.
    pub differences: Vec<Difference>,
    /// What it costs whoever uses the guest.
    pub impact: Impact,
    /// Whether that is sure; the inside of a guest that stands still cannot be looked at.
    pub is_certain: bool,
    /// The command lines it would be made with, as far as the host has such.
    pub commands: Vec<String>,
}

/// Something that is otherwise than wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What.
    pub what: String,
    /// How it is.
    pub have: String,
    /// How it is wanted.
    pub wanted: String,
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
        let refusal = self.lasting_refusal().map(|refusal| refusal.what.clone());
        self.certain().map(|ahead| ahead.change.clone()).chain(refusal).collect()
    }

    /// Returns the changes that will be made, and none that may turn out to be needless.
    pub fn certain(&self) -> impl Iterator<Item = &Ahead> {
        self.changes.iter().filter(|ahead| ahead.is_certain)
    }

    /// Returns the refusal that stands in the way and does not pass by itself.
    pub fn lasting_refusal(&self) -> Option<&Refused> {
        self.refusal.as_ref().filter(|refusal| match refusal.verdict {
            Verdict::AskHuman | Verdict::GiveUp => true,
            Verdict::Retry | Verdict::Wait => false,
        })
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
    /// It has no answer.
    #[error("the worker of host {host} has no answer: {what}")]
    Failed {
        /// Of which host.
        host: NodeName,
        /// Why not.
        what: String,
        /// What a human can do.
        advice: Option<String>,
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
            Self::Failed { host, advice, .. } => {
                advice.clone().unwrap_or_else(|| format!("look at host {host}"))
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
        let request = async_nats::Request::new()
            .payload(body.into())
            .timeout(Some(patience))
            .inbox(self.inbox_for(host));
        let asking = async { Ok(self.client.send_request(self.cell.ask(host), request).await) };
        match self.allowed(Act::AskHosts, asking).await.map_err(|err| not_asked(err.into()))? {
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

    /// Asks the worker of a host about guests, in few messages, and waits no longer than that from
    /// one answer to the next. What is silent once is not asked again.
    pub async fn forecasts(
        &self,
        host: &NodeName,
        wishes: &[Inquiry],
        patience: Duration,
    ) -> Answers {
        let mut answers = Answers { told: Vec::new(), silence: None };
        answers.told.resize_with(wishes.len(), || None);
        let most = self.client.server_info().max_payload.saturating_sub(AROUND);
        let lengths = wishes.iter().map(|wish| serde_json::to_vec(wish).map_or(0, |one| one.len()));
        let mut first = 0;
        for count in batches(lengths, most) {
            let batch = wishes.get(first..first + count).unwrap_or_default();
            let told = answers.told.get_mut(first..first + count).unwrap_or_default();
            if let Err(silence) = self.forecast_batch(host, batch, told, patience).await {
                answers.silence = Some(silence);
                break;
            }
            first += count;
        }
        answers
    }

    /// Asks about as many guests as one message holds.
    async fn forecast_batch(
        &self,
        host: &NodeName,
        wishes: &[Inquiry],
        told: &mut [Option<Result<Box<Forecast>, Blind>>],
        patience: Duration,
    ) -> Result<(), Unanswered> {
        let not_asked = |err: BoxError| Unanswered::NotAsked { host: host.clone(), err };
        let silent = || Unanswered::Silent { host: host.clone(), after: patience };
        let body = write(&Question::Plan { guests: wishes.to_vec() })
            .map_err(|err| not_asked(err.into()))?;
        let mut forbidden = self.hears_forbidden();
        let inbox = self.inbox_for(host);
        let answers = self.client.subscribe(inbox.clone()).await;
        let mut answers = answers.map_err(|err| not_asked(err.into()))?;
        let sent = self.client.publish_with_reply(self.cell.ask(host), inbox, body.into()).await;
        sent.map_err(|err| not_asked(err.into()))?;
        while told.iter().any(Option::is_none) {
            let answer = tokio::select! {
                answer = tokio::time::timeout(patience, answers.next()) => answer,
                err = self.until_not_permitted(Act::AskHosts, &mut forbidden) => {
                    return Err(not_asked(err.into()));
                }
            };
            let message = answer.map_err(|_| silent())?.ok_or_else(silent)?;
            if message.status == Some(StatusCode::NO_RESPONDERS) {
                return Err(Unanswered::Nobody { host: host.clone() });
            }
            let (nth, said) = match read(&message.payload) {
                Ok(Answer::Plan { nth, forecast }) => (nth, Ok(forecast)),
                Ok(Answer::Blind { nth, why }) => (nth, Err(why)),
                Ok(Answer::Failed { what, advice }) => {
                    return Err(Unanswered::Failed { host: host.clone(), what, advice });
                }
                Ok(Answer::Here { .. } | Answer::Inspected { .. } | Answer::Tested { .. }) => {
                    let (host, what) = (host.clone(), "it says something else".to_owned());
                    return Err(Unanswered::Failed { host, what, advice: None });
                }
                Err(err) => return Err(Unanswered::Unreadable { host: host.clone(), err }),
            };
            if let Some(place) = told.get_mut(nth) {
                *place = Some(said);
            }
        }
        Ok(())
    }

    /// Returns where the worker of a host is to answer: where a server permits that to this host alone, and
    /// nobody but our role to listen. A leaf passes on nothing else, as it does not know of other inboxes.
    fn inbox_for(&self, host: &NodeName) -> String {
        let inbox = self.client.new_inbox();
        let Some(role) = &self.role else { return inbox };
        let unique = inbox.rsplit('.').next().unwrap_or_default();
        format!("{}.{unique}", self.cell.answer(host, &role.slug()))
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
    /// Answers it, as often as there is something to answer. What does not get there is as good as
    /// not said: who asked waits no longer than it said.
    pub async fn answer(&self, answer: &Answer) {
        let most = self.bus.client.server_info().max_payload;
        let body = match write(answer) {
            Ok(body) if body.len() <= most => Ok(body),
            Ok(body) => write(&too_long(answer, body.len(), most)),
            Err(err) => Err(err),
        };
        let reply = self.reply.clone();
        let sent = match body {
            Ok(body) => self.bus.client.publish(reply, body.into()).await.map_err(Into::into),
            Err(err) => Err(BoxError::from(err)),
        };
        if let Err(err) = sent {
            warn!(%err, "a question was not answered");
        }
    }
}

/// Returns what is answered where the answer is longer than NATS takes.
fn too_long(answer: &Answer, length: usize, most: usize) -> Answer {
    let what = format!("the answer has {length} bytes, and NATS takes {most}");
    let advice = Some("ask about fewer changes at once".to_owned());
    match answer {
        Answer::Plan { nth, .. } | Answer::Blind { nth, .. } => {
            Answer::Blind { nth: *nth, why: Blind { what, advice } }
        }
        Answer::Here { .. }
        | Answer::Inspected { .. }
        | Answer::Tested { .. }
        | Answer::Failed { .. } => Answer::Failed { what, advice },
    }
}

/// Returns how many guests go into each message, in order. One that is too long goes alone: the
/// server says so.
fn batches(lengths: impl IntoIterator<Item = usize>, most: usize) -> Vec<usize> {
    let (mut batches, mut count, mut bytes) = (Vec::new(), 0, 0);
    for length in lengths {
        // A comma is between two of them.
        if count == AT_ONCE || (count > 0 && bytes + length + 1 > most) {
            batches.push(count);
            (count, bytes) = (0, 0);
        }
        (count, bytes) = (count + 1, bytes + length + 1);
    }
    batches.extend((count > 0).then_some(count));
    batches
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

        assert_eq!(question.to_string(), "it is of version 2, and this one speaks 3");
        assert!(read::<Question>(br#"{"what":"hello"}"#).is_err());
        assert!(read::<Question>(b"not ours").is_err());
    }

    #[test]
    fn a_message_holds_a_hundred_guests_and_no_more_bytes_than_nats_takes() {
        assert_eq!(batches(vec![10; 1000], 1_000_000), vec![100; 10]);
        assert_eq!(batches(vec![10; 5], 22), [2, 2, 1]);
        assert_eq!(batches([5, 90, 5], 22), [1, 1, 1], "what is too long goes alone");
        assert_eq!(batches([], 22), [0_usize; 0]);
    }

    #[test]
    fn what_is_asked_arrives_as_it_was_asked() {
        let written = write(&Question::Hello).unwrap();
        assert_eq!(String::from_utf8_lossy(&written), r#"{"v":3,"what":"hello"}"#);
        assert_eq!(read::<Question>(&written).unwrap(), Question::Hello);

        let failed = Answer::Failed { what: "no".to_owned(), advice: None };
        assert_eq!(read::<Answer>(&write(&failed).unwrap()).unwrap(), failed);
    }
}
