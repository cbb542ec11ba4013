//! What happens, told to every page that is open. The log is followed once, however many there are.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use phoenix_bus::{Bus, From, MonitorAnswer, MonitorQuestion, Tail, Told};
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio::time::{MissedTickBehavior, interval};

use super::view::{self, View};
use crate::error::CommandError;
use crate::session;
use crate::states::States;

/// How often is looked at what tells nobody when it changes: workers, and what the monitor finds.
const LOOK: Duration = Duration::from_secs(2);
/// How long the monitor may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many pieces of news a page may be behind before it is told everything anew.
const BEHIND: usize = 1024;

/// A piece of news: what kind it is, and the document.
pub(super) type News = Arc<(&'static str, String)>;

/// What is known, and who hears of what changes.
#[derive(Clone)]
pub(super) struct Live {
    view: Arc<Mutex<View>>,
    news: broadcast::Sender<News>,
}

impl Live {
    /// Reads how everything is, and returns what keeps it so.
    pub(super) async fn begin(
        bus: Bus,
    ) -> Result<(Self, impl Future<Output = Infallible>), CommandError> {
        // Followed from before it is read, so that nothing in between is missed.
        let tail = bus.tail(From::Now).await?;
        let states = States::read(&bus).await?;
        let view = Arc::new(Mutex::new(View { states, ..View::default() }));
        let (news, _) = broadcast::channel(BEHIND);
        let live = Self { view, news };
        live.look(&bus).await?;
        let follows = live.clone();
        Ok((live, async move { follows.follow(bus, tail).await }))
    }

    /// Returns everything as it is, and what changes from then on.
    pub(super) fn join(&self) -> (Value, broadcast::Receiver<News>) {
        let view = self.view();
        (view.all(session::now()), self.news.subscribe())
    }

    /// Returns everything as it is.
    pub(super) fn all(&self) -> Value {
        self.view().all(session::now())
    }

    /// Returns what changes from now on.
    pub(super) fn news(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    /// Looks at how all guests are.
    pub(super) fn with_states<T>(&self, look: impl FnOnce(&States) -> T) -> T {
        look(&self.view().states)
    }

    async fn follow(self, bus: Bus, mut tail: Tail) -> Infallible {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_of_the_past = false;
        loop {
            tokio::select! {
                told = tail.next() => match told {
                    Told::Event { seq, event } => {
                        let happened = view::happened(seq, &event);
                        let changed = {
                            let mut view = self.view();
                            let guest = event.state.guest;
                            view.states.take(seq, *event);
                            let (touched, now) = (view.touched(guest), session::now());
                            touched.into_iter().filter_map(|one| view.guest(one, now)).collect::<Value>()
                        };
                        self.tell("guests", &changed);
                        self.tell("happened", &happened);
                    }
                    Told::Rewound => is_of_the_past = true,
                    Told::CaughtUp | Told::Unreadable(_) => {}
                },
                // What cannot be looked at now, as NATS is away, is looked at again.
                _ = looks.tick() => {
                    if is_of_the_past && let Ok(states) = States::read(&bus).await {
                        self.view().states = states;
                        is_of_the_past = false;
                        self.tell("all", &self.all());
                    }
                    if self.look(&bus).await.unwrap_or(false) {
                        self.tell("all", &self.all());
                    }
                }
            }
        }
    }

    /// Looks at workers and at what the monitor finds; says whether more has changed than the time at
    /// which a worker was heard last.
    async fn look(&self, bus: &Bus) -> Result<bool, CommandError> {
        let hosts = bus.hosts().await?;
        let asked = bus.ask_monitor(&MonitorQuestion::Health, PATIENCE).await;
        let mut outlook = match asked {
            Ok(MonitorAnswer::Health(outlook)) => Some(*outlook),
            Ok(_) | Err(_) => None,
        };
        let guests = outlook.as_mut().map(|outlook| std::mem::take(&mut outlook.guests));
        let guests = guests.into_iter().flatten();
        let seen: BTreeMap<_, _> = guests.map(|seen| (seen.guest, seen)).collect();
        // Where no monitor is, the last it told still stands.
        let incidents = match &outlook {
            Some(outlook) => outlook.incidents.clone(),
            None => bus.incidents().await.unwrap_or_default(),
        };
        let now = session::now();
        let alive = |hosts: &[phoenix_bus::HostReport]| -> Vec<_> {
            let about = hosts
                .iter()
                .map(|one| (one.host.clone(), one.is_alive(now), one.busy, one.facts.clone()));
            about.collect()
        };
        let mut view = self.view();
        let is_changed = alive(&hosts) != alive(&view.hosts)
            || outlook != view.outlook
            || seen != view.seen
            || incidents != view.incidents;
        (view.hosts, view.outlook, view.seen) = (hosts, outlook, seen);
        view.incidents = incidents;
        Ok(is_changed)
    }

    fn tell(&self, kind: &'static str, document: &Value) {
        // Where no page is open, nobody is told.
        drop(self.news.send(Arc::new((kind, document.to_string()))));
    }

    fn view(&self) -> MutexGuard<'_, View> {
        // What is in it was whole before anything broke.
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns what a page is told first, and whenever it was too far behind.
pub(super) fn anew(all: &Value) -> News {
    Arc::new(("all", json!(all).to_string()))
}
