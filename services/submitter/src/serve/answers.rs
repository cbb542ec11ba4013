//! What is answered to a browser.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{FromRef, Path, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::live::{News, anew};
use super::refusal::Refusal;
use super::{Window, acts, view, visits};
use crate::error::CommandError;
use crate::states;

/// How often a page that hears nothing is told that we are there.
pub(super) const BEAT: Duration = Duration::from_secs(10);
/// How soon a page asks again that has lost us, in milliseconds.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// What every answer is made of, and whether we are about to end.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) window: Arc<Window>,
    pub(super) shutdown: CancellationToken,
}

impl FromRef<Shared> for Arc<Window> {
    fn from_ref(shared: &Shared) -> Self {
        Self::clone(&shared.window)
    }
}

pub(super) async fn state(State(window): State<Arc<Window>>) -> Json<Value> {
    Json(window.live.all().await)
}

pub(super) async fn history(
    State(window): State<Arc<Window>>,
    Path(guest): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let guest = states::key(&window.bus, acts::vmid(&guest)?).await?;
    let events = window.bus.history(guest).await.map_err(CommandError::from)?;
    let events: Vec<_> = events.iter().map(|(seq, event)| view::happened(*seq, event)).collect();
    Ok(Json(json!({ "apiVersion": "phoenix.dev/v1", "kind": "History", "events": events })))
}

pub(super) async fn events(
    State(shared): State<Shared>,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let (all, news) = shared.window.live.join().await;
    let first = Some(anew(&all));
    let who = visits::cookies(&headers);
    let told = unfold((first, news, shared), move |(first, mut news, shared)| {
        let who = who.clone();
        async move {
            let next = if let Some(first) = first {
                first
            } else {
                tokio::select! {
                    next = next(&mut news, &shared.window) => next?,
                    () = shared.shutdown.cancelled() => return None,
                }
            };
            // Whoever has signed out since is told nothing more.
            shared.window.may_read(&who).then_some(())?;
            let event = Event::default().event(next.0).data(&next.1).retry(RETRY);
            Some((Ok(event), (None, news, shared)))
        }
    });
    Sse::new(told).keep_alive(KeepAlive::new().interval(BEAT))
}

/// Returns what a page is told next; one that was too far behind is told everything.
async fn next(news: &mut Receiver<News>, window: &Window) -> Option<News> {
    match news.recv().await {
        Ok(next) => Some(next),
        Err(RecvError::Lagged(_)) => {
            let (all, fresh) = window.live.join_now();
            *news = fresh;
            Some(anew(&all))
        }
        Err(RecvError::Closed) => None,
    }
}
