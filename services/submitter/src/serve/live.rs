//! What happens, told to every page that is open. The log is followed once, however many there are.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use phoenix_bus::Bus;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::view;
use crate::error::CommandError;
use crate::session;
use crate::site::{self, Following, Site};
use crate::states::States;

/// How many pieces of news a page may be behind before it is told everything anew.
const BEHIND: usize = 1024;

/// A piece of news: what kind it is, and the document.
pub(super) type News = Arc<(&'static str, String)>;

/// What is known, and who hears of what changes.
#[derive(Clone)]
pub(super) struct Live {
    site: Arc<Mutex<Site>>,
    news: broadcast::Sender<News>,
}

impl Live {
    /// Reads how everything is, and returns what keeps it so.
    pub(super) async fn begin(
        bus: Bus,
    ) -> Result<(Self, impl Future<Output = Infallible>), CommandError> {
        let (site, following) = Site::read(bus).await?;
        let (news, _) = broadcast::channel(BEHIND);
        let live = Self { site: Arc::new(Mutex::new(site)), news };
        let follows = live.clone();
        Ok((live, async move { follows.follow(following).await }))
    }

    /// Returns everything as it is, and what changes from then on.
    pub(super) fn join(&self) -> (Value, broadcast::Receiver<News>) {
        let site = self.site();
        (view::all(&site, session::now()), self.news.subscribe())
    }

    /// Returns everything as it is.
    pub(super) fn all(&self) -> Value {
        view::all(&self.site(), session::now())
    }

    /// Returns what changes from now on.
    pub(super) fn news(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    /// Looks at how all guests are.
    pub(super) fn with_states<T>(&self, look: impl FnOnce(&States) -> T) -> T {
        look(&self.site().states)
    }

    async fn follow(self, mut following: Following) -> Infallible {
        loop {
            match following.next().await {
                site::News::Happened(seq, event) => {
                    let happened = view::happened(seq, &event);
                    let changed = {
                        let mut site = self.site();
                        let (touched, now) = (site.happened(seq, *event), session::now());
                        let touched = touched.into_iter();
                        touched.filter_map(|one| view::guest(&site, one, now)).collect::<Value>()
                    };
                    self.tell("guests", &changed);
                    self.tell("happened", &happened);
                }
                site::News::Anew(states) => {
                    self.site().states = states;
                    self.tell("all", &self.all());
                }
                site::News::Looked(look) => {
                    let is_changed = self.site().looked(*look, session::now());
                    if is_changed {
                        self.tell("all", &self.all());
                    }
                }
            }
        }
    }

    fn tell(&self, kind: &'static str, document: &Value) {
        // Where no page is open, nobody is told.
        drop(self.news.send(Arc::new((kind, document.to_string()))));
    }

    fn site(&self) -> MutexGuard<'_, Site> {
        // What is in it was whole before anything broke.
        self.site.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns what a page is told first, and whenever it was too far behind.
pub(super) fn anew(all: &Value) -> News {
    Arc::new(("all", json!(all).to_string()))
}
