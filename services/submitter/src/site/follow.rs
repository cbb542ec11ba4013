//! Keeps what is known of a cell up to date: the log is followed, and the rest is looked at.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use phoenix_bus::{
    Approval, Bus, From, HostReport, MonitorAnswer, MonitorQuestion, Outlook, Seen, Tail, Told,
};
use phoenix_domain::health::Incident;
use phoenix_domain::{Event, GuestKey};
use tokio::time::sleep;

use super::Site;
use crate::error::CommandError;
use crate::session;
use crate::states::States;

/// How often is looked at what tells nobody when it changes: workers, what the monitor finds, and what
/// people are asked.
const EVERY: Duration = Duration::from_secs(2);
/// How long the monitor may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is new of a cell.
pub(crate) enum News {
    /// Something happened to a guest.
    Happened(u64, Box<Event>),
    /// The log is another one, or went backwards: these are the states now.
    Anew(States),
    /// Workers and the monitor were looked at.
    Looked(Box<Look>),
}

/// What is found by looking.
#[derive(Debug)]
pub(crate) struct Look {
    pub(super) hosts: Vec<HostReport>,
    pub(super) incidents: Vec<Incident>,
    pub(super) approvals: Vec<Approval>,
    pub(super) outlook: Option<Outlook>,
    pub(super) seen: BTreeMap<GuestKey, Seen>,
}

impl Look {
    /// Returns the guests that the monitor watches.
    pub(crate) fn guests(&self) -> impl Iterator<Item = &GuestKey> {
        self.seen.keys()
    }
}

/// What keeps a site up to date.
pub(crate) struct Following {
    bus: Bus,
    tail: Tail,
    /// The next look. What happens meanwhile does not wait for it: a monitor may be slow to answer.
    look: Pin<Box<dyn Future<Output = Option<News>> + Send>>,
    is_of_the_past: bool,
}

impl Site {
    /// Reads how everything is, and returns what keeps it so.
    pub(crate) async fn read(bus: Bus) -> Result<(Self, Following), CommandError> {
        // Followed from before it is read, so that nothing in between is missed.
        let tail = bus.tail(From::Now).await?;
        let mut site = Self { states: States::read(&bus).await?, ..Self::default() };
        site.looked(look(&bus).await?, session::now());
        let look = Box::pin(next_look(bus.clone(), false));
        Ok((site, Following { bus, tail, look, is_of_the_past: false }))
    }
}

impl Following {
    /// Returns what is new next. It never ends.
    pub(crate) async fn next(&mut self) -> News {
        loop {
            tokio::select! {
                told = self.tail.next() => match told {
                    Told::Event { seq, event } => return News::Happened(seq, event),
                    Told::Rewound => self.is_of_the_past = true,
                    Told::CaughtUp | Told::Unreadable(_) => {}
                },
                found = &mut self.look => {
                    if matches!(found, Some(News::Anew(_))) {
                        self.is_of_the_past = false;
                    }
                    self.look = Box::pin(next_look(self.bus.clone(), self.is_of_the_past));
                    // What cannot be looked at now, as NATS is away, is looked at again.
                    if let Some(news) = found {
                        return news;
                    }
                }
            }
        }
    }
}

/// Looks after a while at what tells nobody when it changes, or reads the states anew.
async fn next_look(bus: Bus, is_of_the_past: bool) -> Option<News> {
    sleep(EVERY).await;
    if is_of_the_past {
        return States::read(&bus).await.ok().map(News::Anew);
    }
    look(&bus).await.ok().map(|look| News::Looked(Box::new(look)))
}

/// Looks at workers, at what the monitor finds and at what people are asked.
pub(crate) async fn look(bus: &Bus) -> Result<Look, CommandError> {
    let hosts = bus.hosts().await?;
    let asked = bus.ask_monitor(&MonitorQuestion::Health, PATIENCE).await;
    let mut outlook = match asked {
        Ok(MonitorAnswer::Health(outlook)) => Some(*outlook),
        Ok(_) | Err(_) => None,
    };
    let guests = outlook.as_mut().map(|outlook| std::mem::take(&mut outlook.guests));
    let seen = guests.into_iter().flatten().map(|seen| (seen.guest, seen)).collect();
    // Where no monitor is, the last it told still stands.
    let incidents = match &outlook {
        Some(outlook) => outlook.incidents.clone(),
        None => bus.incidents().await.unwrap_or_default(),
    };
    let approvals = bus.approvals().await?;
    Ok(Look { hosts, incidents, approvals, outlook, seen })
}
