//! What is answered to a browser.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{FromRef, Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use futures_util::stream::unfold;
use phoenix_domain::Vmid;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::Window;
use super::live::{News, anew};
use super::view;
use crate::states;

/// How often a page that hears nothing is told that we are there.
const BEAT: Duration = Duration::from_secs(10);
/// How soon a page asks again that has lost us, in milliseconds.
const RETRY: Duration = Duration::from_secs(1);

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

pub(super) async fn page() -> Response {
    part("text/html; charset=utf-8", include_str!("page/index.html"))
}

pub(super) async fn style() -> Response {
    part("text/css; charset=utf-8", include_str!("page/page.css"))
}

pub(super) async fn script() -> Response {
    part("text/javascript; charset=utf-8", include_str!("page/page.js"))
}

fn part(kind: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, kind)], text).into_response()
}

pub(super) async fn alive() -> &'static str {
    "alive\n"
}

pub(super) async fn ready(State(window): State<Arc<Window>>) -> Response {
    if window.bus.is_connected() {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "NATS is not there\n").into_response()
    }
}

pub(super) async fn state(State(window): State<Arc<Window>>) -> Json<Value> {
    Json(window.live.all())
}

pub(super) async fn history(
    State(window): State<Arc<Window>>,
    Path(vmid): Path<String>,
) -> Response {
    let Ok(vmid) = vmid.parse::<Vmid>() else {
        return (StatusCode::NOT_FOUND, "that is no number of a guest\n").into_response();
    };
    let told = async {
        let guest = states::key(&window.bus, vmid).await?;
        Ok::<_, crate::error::CommandError>(window.bus.history(guest).await?)
    };
    match told.await {
        Ok(events) => {
            let events: Vec<_> =
                events.iter().map(|(seq, event)| view::happened(*seq, event)).collect();
            Json(json!({ "apiVersion": "phoenix.dev/v1", "kind": "History", "events": events }))
                .into_response()
        }
        Err(crate::error::CommandError::NeverSubmitted { .. }) => {
            (StatusCode::NOT_FOUND, "this guest was never submitted\n").into_response()
        }
        Err(err) => (StatusCode::SERVICE_UNAVAILABLE, format!("{err}\n")).into_response(),
    }
}

pub(super) async fn events(
    State(shared): State<Shared>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let (all, news) = shared.window.live.join();
    let first = Some(anew(&all));
    let told = unfold((first, news, shared), |(first, mut news, shared)| async move {
        let next = if let Some(first) = first {
            first
        } else {
            tokio::select! {
                next = next(&mut news, &shared.window) => next?,
                () = shared.shutdown.cancelled() => return None,
            }
        };
        let event = Event::default().event(next.0).data(&next.1).retry(RETRY);
        Some((Ok(event), (None, news, shared)))
    });
    Sse::new(told).keep_alive(KeepAlive::new().interval(BEAT))
}

/// Returns what a page is told next; one that was too far behind is told everything.
async fn next(news: &mut Receiver<News>, window: &Window) -> Option<News> {
    match news.recv().await {
        Ok(next) => Some(next),
        Err(RecvError::Lagged(_)) => {
            let (all, fresh) = window.live.join();
            *news = fresh;
            Some(anew(&all))
        }
        Err(RecvError::Closed) => None,
    }
}
