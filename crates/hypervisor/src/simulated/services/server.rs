//! One small HTTP server a service.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::super::guest::Sickness;
use super::answer::{Question, Work, answer, is_left_waiting};
use super::offer::Offer;
use super::{Name, Urls};

/// How long connections have for their end.
const FAREWELL: Duration = Duration::from_secs(2);

/// The servers that run.
#[derive(Default)]
pub(super) struct Servers {
    running: BTreeMap<Name, Server>,
    /// Where a service answered last; it comes back there if it can, as a guest keeps its address.
    ports: BTreeMap<Name, u16>,
    tasks: JoinSet<()>,
}

struct Server {
    address: SocketAddr,
    offer: watch::Sender<Offer>,
    end: CancellationToken,
}

/// What a server needs for its answers.
#[derive(Clone)]
struct Desk {
    offer: watch::Receiver<Offer>,
    end: CancellationToken,
    tokens: Arc<AtomicU64>,
    running: Arc<AtomicU64>,
}

impl Servers {
    /// Starts and ends servers so that these are offered; says whether an address has changed.
    pub(super) async fn follow(&mut self, listen: IpAddr, offers: BTreeMap<Name, Offer>) -> bool {
        let offers: BTreeMap<_, _> = offers
            .into_iter()
            .filter(|(_, offer)| offer.sickness != Some(Sickness::Refuse))
            .collect();
        let before = self.running.len();
        self.running.retain(|name, server| {
            let stays = offers.contains_key(name);
            if !stays {
                server.end.cancel();
            }
            stays
        });
        let mut changed = self.running.len() < before;
        for (name, offer) in offers {
            if let Some(server) = self.running.get(&name) {
                server.offer.send_if_modified(|old| {
                    let is_other = *old != offer;
                    *old = offer;
                    is_other
                });
            } else if let Some(server) = self.start(listen, name, offer).await {
                self.running.insert(name, server);
                changed = true;
            }
        }
        while self.tasks.try_join_next().is_some() {}
        changed
    }

    /// Returns where services answer.
    pub(super) fn urls(&self) -> Urls {
        let mut urls = Urls::new();
        for ((guest, service), server) in &self.running {
            let url = format!("http://{}", server.address);
            urls.entry(*guest).or_default().insert((*service).to_owned(), url);
        }
        urls
    }

    /// Ends all.
    pub(super) async fn end(&mut self) {
        for server in self.running.values() {
            server.end.cancel();
        }
        self.running.clear();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(FAREWELL, all).await.is_err() {
            warn!("simulated services did not end in time");
            self.tasks.shutdown().await;
        }
    }

    async fn start(&mut self, listen: IpAddr, name: Name, offer: Offer) -> Option<Server> {
        let port = self.ports.get(&name).copied().unwrap_or_default();
        let listener = match TcpListener::bind((listen, port)).await {
            Ok(listener) => Ok(listener),
            Err(_) => TcpListener::bind((listen, 0)).await,
        };
        let bound = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = match bound {
            Ok(bound) => bound,
            Err(err) => {
                warn!(guest = %name.0, service = name.1, %err, "simulated service cannot listen");
                return None;
            }
        };
        self.ports.insert(name, address.port());
        let (sender, receiver) = watch::channel(offer);
        let end = CancellationToken::new();
        let desk = Desk {
            offer: receiver,
            end: end.clone(),
            tokens: Arc::default(),
            running: Arc::default(),
        };
        let router = Router::new().fallback(reply).with_state(desk);
        let ended = end.clone().cancelled_owned();
        self.tasks.spawn(async move {
            if let Err(err) = axum::serve(listener, router).with_graceful_shutdown(ended).await {
                debug!(%err, "simulated service ended badly");
            }
        });
        info!(guest = %name.0, service = name.1, %address, "simulated service started");
        Some(Server { address, offer: sender, end })
    }
}

/// Answers one question, as long as somebody waits for that.
async fn reply(State(mut desk): State<Desk>, method: Method, uri: Uri, body: Bytes) -> Response {
    let question = Question { method: method.as_str(), path: uri.path(), body: &body };
    let _waiting = Waiting::new(Arc::clone(&desk.running));
    let has_offer = tokio::select! {
        offer = desk.offer.wait_for(|offer| !is_left_waiting(offer, question)) => offer.is_ok(),
        () = desk.end.cancelled() => false,
    };
    if !has_offer {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let offer = desk.offer.borrow().clone();
    let is_work = question.path == "/v1/completions";
    let tokens = desk.tokens.fetch_add(u64::from(is_work), Ordering::Relaxed);
    // This question itself is none that waits.
    let running = desk.running.load(Ordering::Relaxed).saturating_sub(1);
    let answer = answer(&offer, question, Work { tokens, running });
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, answer.kind)], answer.body).into_response()
}

/// Counts a question while it waits for its answer, however that ends.
struct Waiting(Arc<AtomicU64>);

impl Waiting {
    fn new(running: Arc<AtomicU64>) -> Self {
        running.fetch_add(1, Ordering::Relaxed);
        Self(running)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
