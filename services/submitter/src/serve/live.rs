//! What happens, told to every page that is open. The log is followed once, however many there are, and
//! what tells nobody when it changes is looked at once for all of them, and only while there are any.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use phoenix_bus::{Aloud, Bus, From, Listener, Tail, Told};
use phoenix_domain::Event;
use serde_json::Value;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::look;
use super::metrics::{Told as Counted, Was};
use super::view::{self, Looked, View};
use crate::error::CommandError;
use crate::session;
use crate::states::States;

/// How often is looked at what tells nobody when it changes: workers, letters, and what the monitor finds.
const LOOK: Duration = Duration::from_secs(2);
/// How long somebody who comes waits for the first look after a time in which nobody watched.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many pieces of news a page may be behind before it is told everything anew.
const BEHIND: usize = 1024;
/// How many may wait at once to be heard.
const WISHES: usize = 64;

/// A piece of news: what kind it is, and the document.
pub(super) type News = Arc<(&'static str, String)>;

/// What is heard of guests.
#[derive(Clone)]
pub(super) enum Heard {
    /// Something happened to one.
    Event(u64, Arc<Event>),
    /// Something was said in one.
    Said(Arc<Aloud>),
}

/// What somebody who comes wants to be done first; they are told when it is.
enum Wish {
    Look(oneshot::Sender<()>),
    Listen(oneshot::Sender<()>),
}

/// What is known, and who hears of what changes.
#[derive(Clone)]
pub(super) struct Live {
    view: Arc<Mutex<View>>,
    news: broadcast::Sender<News>,
    heard: broadcast::Sender<Heard>,
    wishes: mpsc::Sender<Wish>,
    /// Tells that the states are others than before.
    turns: watch::Sender<()>,
    /// What is counted of what happens.
    told: Counted,
    /// Whether the log is followed now.
    follows: watch::Receiver<bool>,
}

/// Whether what is told is how things are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Readiness {
    /// The log is followed, and is the one that the states were read from.
    pub(super) log: bool,
    /// All else was looked at since the connection was made last.
    pub(super) look: bool,
}

impl Live {
    /// Reads how everything is, and returns what keeps it so.
    pub(super) async fn begin(
        bus: Bus,
    ) -> Result<(Self, impl Future<Output = Infallible>), CommandError> {
        // Followed from before it is read, so that nothing in between is missed.
        let tail = bus.tail(From::Now).await?;
        let mut view = View::default();
        view.begin(States::read(&bus).await?);
        let (told, follows) = (Counted::begin(&view.site.states), tail.is_followed());
        let view = Arc::new(Mutex::new(view));
        let ((news, _), (heard, _)) = (broadcast::channel(BEHIND), broadcast::channel(BEHIND));
        let (wishes, to_do) = mpsc::channel(WISHES);
        let turns = watch::Sender::new(());
        let live = Self { view, news, heard, wishes, turns, told, follows };
        let follows = live.clone();
        Ok((live, async move { follows.follow(bus, tail, to_do).await }))
    }

    /// Returns everything as it is, and what changes from then on.
    pub(super) async fn join(&self) -> (Value, broadcast::Receiver<News>) {
        // From here on somebody watches: it is looked again once this was done.
        let _watching = self.news.subscribe();
        self.look_within(PATIENCE).await;
        self.join_now()
    }

    /// The same for one that is there already, and was too far behind.
    pub(super) fn join_now(&self) -> (Value, broadcast::Receiver<News>) {
        let view = self.view();
        (view.all(session::now()), self.news.subscribe())
    }

    /// Returns everything as it is.
    pub(super) async fn all(&self) -> Value {
        self.look_within(PATIENCE).await;
        self.view().all(session::now())
    }

    /// Has it looked anew, and waits no longer than this for it.
    pub(super) async fn look_within(&self, patience: Duration) {
        self.wish(patience, Wish::Look).await;
    }

    /// Returns what is counted of what happens.
    pub(super) fn told(&self) -> &Counted {
        &self.told
    }

    /// Looks at all that is known.
    pub(super) fn with_view<T>(&self, look: impl FnOnce(&View) -> T) -> T {
        look(&self.view())
    }

    /// Says whether what is known is how things are, by the connection that was made so often.
    pub(super) fn readiness(&self, connection: u64) -> Readiness {
        let view = self.view();
        let is_of_now = |looked: Looked| looked.connection == connection;
        Readiness {
            log: *self.follows.borrow() && !view.is_of_the_past,
            look: view.looked.is_some_and(is_of_now),
        }
    }

    /// Returns what tells when the guests may be otherwise than before. Whoever waits for it watches
    /// nothing else.
    pub(super) fn turns(&self) -> watch::Receiver<()> {
        self.turns.subscribe()
    }

    /// Looks at how all guests are.
    pub(super) fn with_states<T>(&self, look: impl FnOnce(&States) -> T) -> T {
        look(&self.view().site.states)
    }

    /// Returns what is heard of guests from now on.
    pub(super) async fn hear(&self) -> broadcast::Receiver<Heard> {
        let heard = self.heard.subscribe();
        self.wish(PATIENCE, Wish::Listen).await;
        heard
    }

    async fn wish(&self, patience: Duration, wish: impl FnOnce(oneshot::Sender<()>) -> Wish) {
        let (done, is_done) = oneshot::channel();
        let done = async {
            // Where nobody follows any more, things are shown as they were known last.
            drop(self.wishes.send(wish(done)).await);
            drop(is_done.await);
        };
        drop(timeout(patience, done).await);
    }

    async fn follow(self, bus: Bus, mut tail: Tail, mut to_do: mpsc::Receiver<Wish>) -> Infallible {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looked: Option<Instant> = None;
        let mut listener: Option<Listener> = None;
        loop {
            if self.heard.receiver_count() == 0 {
                listener = None;
            }
            // What is of the past is read anew also where nobody watches: pushes go by it.
            let is_wanted = self.news.receiver_count() > 0 || self.view().is_of_the_past;
            tokio::select! {
                told = tail.next() => match told {
                    Told::Event { seq, event } => self.happened(seq, *event),
                    Told::Rewound => self.view().is_of_the_past = true,
                    Told::CaughtUp | Told::Unreadable(_) => {}
                },
                said = next_said(&mut listener) => {
                    // Whoever heard of it may be gone by now.
                    drop(self.heard.send(Heard::Said(Arc::new(said))));
                }
                Some(wish) = to_do.recv() => {
                    let done = match wish {
                        Wish::Listen(done) => {
                            if listener.is_none() {
                                listener = bus.listen().await.ok();
                            }
                            done
                        }
                        Wish::Look(done) => {
                            if looked.is_none_or(|at| at.elapsed() >= LOOK) {
                                self.look(&bus).await;
                                looked = Some(Instant::now());
                                looks.reset();
                            }
                            done
                        }
                    };
                    // Whoever wished it may be gone by now.
                    done.send(()).ok();
                }
                _ = looks.tick(), if is_wanted => {
                    self.look(&bus).await;
                    looked = Some(Instant::now());
                }
            }
        }
    }

    /// Tells what happened, and how the guests are now that it changes.
    fn happened(&self, seq: u64, event: Event) {
        let event = Arc::new(event);
        // Where nobody listens or watches, nothing is made for them.
        if self.heard.receiver_count() > 0 {
            drop(self.heard.send(Heard::Event(seq, Arc::clone(&event))));
        }
        let changed: Option<Value> = {
            let mut view = self.view();
            let states = &mut view.site.states;
            let before = Was::of(states, event.state.guest);
            states.take(seq, Event::clone(&event));
            // What is told once more, as the log went backwards, was counted.
            if !view.is_of_the_past {
                self.told.happened(&view.site.states, before, &event);
            }
            view.remember(seq, Arc::clone(&event));
            (self.news.receiver_count() > 0).then(|| {
                let (touched, now) = (view.site.touched_by(event.state.guest), session::now());
                touched.filter_map(|one| view.guest(one, now)).collect()
            })
        };
        if let Some(changed) = changed {
            self.tell("guests", &changed);
            self.tell("happened", &view::happened(seq, &event));
        }
        self.turns.send_replace(());
    }

    /// Looks, and tells what is otherwise than it was. What cannot be looked at now, as NATS is away, is
    /// looked at again.
    async fn look(&self, bus: &Bus) {
        let connection = *bus.connected().borrow();
        let is_of_the_past = self.view().is_of_the_past;
        if is_of_the_past && let Ok(states) = States::read(bus).await {
            let all = {
                let mut view = self.view();
                view.begin(states);
                self.told.anew(&view.site.states);
                view.all(session::now())
            };
            self.tell("all", &all);
            self.turns.send_replace(());
        }
        let mark = self.view().letters_at;
        let Ok(seen) = look::look(bus, mark).await else { return };
        let news = {
            let (mut view, at) = (self.view(), session::now());
            view.looked = Some(Looked { at, connection });
            view.see(seen, at)
        };
        for (kind, document) in news {
            self.tell(kind, &document);
        }
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

/// Returns what is said next in a guest; nothing, where nobody listens.
async fn next_said(listener: &mut Option<Listener>) -> Aloud {
    match listener {
        Some(listener) => match listener.next().await {
            Ok(said) => said,
            // Where it is not permitted, that was logged, and the page shows the rest.
            Err(_) => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}

/// Returns what a page is told first, and whenever it was too far behind.
pub(super) fn anew(all: &Value) -> News {
    Arc::new(("all", all.to_string()))
}
