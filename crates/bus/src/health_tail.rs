//! Following what is told of health: verdicts, incidents, and how channels do.

use bytes::Bytes;
use phoenix_domain::health::HealthNews;

use crate::act::Act;
use crate::connect::Bus;
use crate::error::BusError;
use crate::names::HEALTH;
use crate::reader::{Found, Of, Reader};
use crate::tail::From;

/// What a tail of health tells.
#[derive(Debug)]
pub enum HealthTold {
    /// Something was told.
    News {
        /// Its place among all that is told of health.
        seq: u64,
        /// What.
        news: Box<HealthNews>,
        /// The event as it stands.
        body: Bytes,
    },
    /// Something was told that is not understood.
    Unreadable {
        /// Where.
        subject: String,
        /// What is wrong with it.
        cause: String,
    },
    /// Everything that had been told before the tail began was told; once.
    CaughtUp,
    /// What is kept is something else, or went backwards: what was told before no longer counts.
    Rewound,
}

/// Follows what is told of health.
pub struct HealthTail(Reader);

impl Bus {
    /// Follows what is told of health in the cell.
    pub async fn tail_health(&self, from: From) -> Result<HealthTail, BusError> {
        let (subject, act) = (self.cell.all_health(), Act::ReadHealth);
        let of = Of { stream: HEALTH, subject, act, doing: "following what is told of health" };
        Ok(HealthTail(Reader::begin(self, of, from).await?))
    }
}

impl HealthTail {
    /// Returns what is told next. It never ends, and may be dropped at any point.
    pub async fn next(&mut self) -> HealthTold {
        match self.0.next().await {
            Found::Message(message, seq) => match HealthNews::read(&message.payload) {
                Ok(news) => {
                    HealthTold::News { seq, news: Box::new(news), body: message.payload.clone() }
                }
                Err(err) => HealthTold::Unreadable {
                    subject: message.subject.to_string(),
                    cause: err.to_string(),
                },
            },
            Found::CaughtUp => HealthTold::CaughtUp,
            Found::Rewound => HealthTold::Rewound,
        }
    }
}
