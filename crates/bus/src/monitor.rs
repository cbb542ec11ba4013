//! Questions to the health monitor, and orders of humans to it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use async_nats::{RequestErrorKind, Subject, Subscriber};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use phoenix_domain::health::{
    Breaker, Condition, Evidence, Incident, Maintenance, Mode, Next, Probe, Reading, Word,
};
use phoenix_domain::{ChannelName, GuestKey};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tracing::warn;

use crate::act::Act;
use crate::channel_notes::ChannelSeen;
use crate::connect::Bus;
use crate::error::{BoxError, BusError, Failing as _};

/// How long a monitor that waits for its turn may take to say so.
const AT_HAND: Duration = Duration::from_secs(2);

/// What the monitor is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum MonitorQuestion {
    /// How guests are, and what holds for all of them.
    Health,
    /// To ask a guest now, by each of its probes, and to tell what came.
    Probe {
        /// The guest.
        guest: GuestKey,
    },
    /// How the channels do by which people are called.
    Channels,
    /// To send a message by a channel that is marked as a test.
    TestChannel {
        /// Which.
        name: ChannelName,
    },
    /// To forget a channel that is in no file any more, with what it has not told.
    ForgetChannel {
        /// Which.
        name: ChannelName,
    },
    /// To do what a human orders.
    Order {
        /// What.
        word: Word,
    },
}

impl MonitorQuestion {
    /// Says whether it has something done, and does not only look.
    fn is_order(&self) -> bool {
        match self {
            Self::Health | Self::Channels => false,
            Self::Probe { .. }
            | Self::TestChannel { .. }
            | Self::ForgetChannel { .. }
            | Self::Order { .. } => true,
        }
    }
}

/// What the monitor answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum MonitorAnswer {
    /// How guests are.
    Health(Box<Outlook>),
    /// What each probe found.
    Probed {
        /// The probe, and what it found.
        readings: Vec<(Probe, Reading)>,
    },
    /// How the channels do.
    Channels {
        /// The channels.
        channels: Vec<ChannelSeen>,
    },
    /// What came of a test.
    Tested {
        /// Whether the other side took it.
        is_taken: bool,
        /// What it said, or why nothing came.
        came: String,
        /// How long that took, in milliseconds.
        took_ms: u64,
    },
    /// It is so from now on.
    Agreed,
    /// It cannot do that.
    Declined {
        /// Why not.
        why: String,
    },
}

/// How everything is, as the monitor sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outlook {
    /// Who says so.
    pub monitor: String,
    /// Its version; absent where that is one that did not say so yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What it does about what it finds.
    pub mode: Mode,
    /// Why nothing is repaired any more; absent while repairs go on.
    pub breaker: Option<Breaker>,
    /// The times of maintenance that are on or to come.
    pub maintenance: Vec<Maintenance>,
    /// The guests.
    pub guests: Vec<Seen>,
    /// The open incidents.
    pub incidents: Vec<Incident>,
    /// How often repairs were held back, by what; empty where that is one that does not count it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub held_back: BTreeMap<Box<str>, u64>,
    /// How many more guests may be repaired now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guests_left: Option<usize>,
}

/// How a guest is, as the monitor sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// The guest.
    pub guest: GuestKey,
    /// Its name.
    pub name: String,
    /// Its host.
    pub host: String,
    /// What each probe found it to be, and since when.
    pub probes: Vec<(Probe, Condition, DateTime<Utc>)>,
    /// The probes that this monitor has not read yet: they show what the last one found, which is as
    /// old as this.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unread: BTreeMap<Box<str>, DateTime<Utc>>,
    /// What those probes came upon last that do not find it well.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub evidence: BTreeMap<Box<str>, Evidence>,
    /// What comes next, where it is not well and no incident of its own says that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Next>,
    /// How long its probes took last, in milliseconds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub took_ms: BTreeMap<Box<str>, u64>,
    /// How many repairs of it are left now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repairs_left: Option<usize>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum NoMonitor {
    /// Nobody listens.
    #[error("no health monitor is there")]
    Nobody,
    /// The one that acted is silent, and another one waits for its turn.
    #[error("no health monitor acts just now; another one is there, and takes over within seconds")]
    TakingOver,
    /// It says nothing.
    #[error("the health monitor does not answer within {} s", after.as_secs())]
    Silent {
        /// How long it was waited for.
        after: Duration,
    },
    /// We may not ask it that.
    #[error(transparent)]
    NotPermitted(Box<BusError>),
    /// It could not be asked, or what it says is not understood.
    #[error("the health monitor cannot be asked")]
    NotAsked(#[source] BoxError),
}

/// The questions to this monitor.
pub struct MonitorQuestions {
    bus: Bus,
    asked: Subscriber,
    ordered: Subscriber,
}

/// A question that waits for its answer.
pub struct AskedMonitor {
    /// What is asked; absent where that is of another version.
    pub question: Result<MonitorQuestion, serde_json::Error>,
    bus: Bus,
    reply: Subject,
}

impl Bus {
    /// Asks the monitor that acts.
    pub async fn ask_monitor(
        &self,
        question: &MonitorQuestion,
        patience: Duration,
    ) -> Result<MonitorAnswer, NoMonitor> {
        let body = serde_json::to_vec(question).map_err(|err| NoMonitor::NotAsked(err.into()))?;
        let request = async_nats::Request::new().payload(body.into()).timeout(Some(patience));
        let (act, subject) = if question.is_order() {
            (Act::OrderMonitor, self.cell.order())
        } else {
            (Act::AskMonitor, self.cell.monitor())
        };
        let asking = async { Ok(self.client.send_request(subject, request).await) };
        let asked = self.allowed(act, asking).await;
        let no_monitor = match asked.map_err(|err| NoMonitor::NotPermitted(Box::new(err)))? {
            Ok(answer) => {
                return serde_json::from_slice(&answer.payload)
                    .map_err(|err| NoMonitor::NotAsked(err.into()));
            }
            Err(err) => match err.kind() {
                RequestErrorKind::NoResponders => NoMonitor::Nobody,
                RequestErrorKind::TimedOut => NoMonitor::Silent { after: patience },
                RequestErrorKind::InvalidSubject
                | RequestErrorKind::MaxPayloadExceeded
                | RequestErrorKind::Other => return Err(NoMonitor::NotAsked(err.into())),
            },
        };
        let request = async_nats::Request::new().timeout(Some(AT_HAND));
        let waiting = self.client.send_request(self.cell.standby(), request).await;
        Err(if waiting.is_ok() { NoMonitor::TakingOver } else { no_monitor })
    }

    /// Says to whoever asks that this monitor waits for its turn. It never ends.
    pub async fn stand_by(&self) -> Result<Infallible, BusError> {
        let subscribed = self.client.subscribe(self.cell.standby()).await;
        let mut asked = subscribed.failing("listening for questions")?;
        while let Some(message) = asked.next().await {
            let Some(reply) = message.reply else { continue };
            if let Err(err) = self.client.publish(reply, Bytes::new()).await {
                warn!(%err, "nobody was told that a monitor waits for its turn");
            }
        }
        std::future::pending().await
    }

    /// Takes the questions to the monitor. Only the one that acts does.
    pub async fn monitor_questions(&self) -> Result<MonitorQuestions, BusError> {
        let doing = "listening for questions";
        let asked = self.client.subscribe(self.cell.monitor()).await.failing(doing)?;
        let ordered = self.client.subscribe(self.cell.order()).await.failing(doing)?;
        Ok(MonitorQuestions { bus: self.clone(), asked, ordered })
    }
}

impl MonitorQuestions {
    /// Returns the next question; nothing when the connection is closed.
    pub async fn next(&mut self) -> Option<AskedMonitor> {
        loop {
            let (message, may_order) = tokio::select! {
                message = self.asked.next() => (message?, false),
                message = self.ordered.next() => (message?, true),
            };
            // Whoever names no place for the answer does not want one.
            let Some(reply) = message.reply else { continue };
            let question = serde_json::from_slice(&message.payload);
            let asked = AskedMonitor { question, bus: self.bus.clone(), reply };
            match &asked.question {
                // Who may only look would order by asking.
                Ok(question) if question.is_order() && !may_order => {
                    let why = format!("orders are taken under {}", self.bus.cell.order());
                    asked.answer(&MonitorAnswer::Declined { why }).await;
                }
                Ok(_) | Err(_) => return Some(asked),
            }
        }
    }
}

impl AskedMonitor {
    /// Answers it. What does not get there is as good as not said.
    pub async fn answer(self, answer: &MonitorAnswer) {
        let sent = match serde_json::to_vec(answer) {
            Ok(body) => {
                self.bus.client.publish(self.reply, body.into()).await.map_err(BoxError::from)
            }
            Err(err) => Err(err.into()),
        };
        if let Err(err) = sent {
            warn!(%err, "a question to the monitor was not answered");
        }
    }
}
