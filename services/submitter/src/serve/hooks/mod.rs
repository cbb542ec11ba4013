//! Webhooks: what a forge tells, and what is asked for because of it.
//!
//! A delivery is answered with 202 once it is noted what it asks for, or that this waits for a window or for
//! its turn. Its run is named after it, so that a repetition, whoever was killed in between, asks for nothing
//! twice.

mod accept;
mod deploy;
mod due;
mod errand;
mod file;
mod later;
mod ours;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Path as Named, State};
use axum::http::header::{CONTENT_LENGTH, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use futures_util::future::join;
use phoenix_bus::{Bus, BusError, Setup};
use phoenix_domain::{SourceName, TraceParent};
use phoenix_hooks::{Delivery, Kind, LIMIT, Rule, Source};
use serde_json::json;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::time::timeout;

use self::accept::Arrival;
pub(super) use self::accept::run_of;
pub(super) use self::deploy::{Certainty, Desk};
use self::ours::Ours;
use super::Window;
use super::metrics::Told;
use super::pace::Pace;
use super::pushes::{Origin, Pushes};
use crate::cli::{ConfigArgs, ServeArgs};
use crate::error::CommandError;
use crate::output::Output;
use crate::session;

/// How long a body may take to arrive.
const BODY: Duration = Duration::from_secs(10);
/// How many bytes of bodies are held at once, whoever sends them; the others wait.
const HELD: usize = 2 * LIMIT;
/// How soon a sender may try again that met trouble, in seconds.
const AGAIN: &str = "10";

/// Who may send, what is done for it, and how much of it at once.
pub(super) struct Hooks {
    sources: BTreeMap<SourceName, (Source, Pace)>,
    rules: Vec<Rule>,
    config: ConfigArgs,
    setup: Setup,
    /// One permit for each KiB of a body that is held.
    room: Semaphore,
    /// The repository that holds the configuration, where there is one.
    pushes: Option<Arc<Pushes>>,
    /// That something waits for a window.
    later: Notify,
    ours: Ours,
}

impl Hooks {
    /// Reads what is said of it, where anything is, and which repository holds the configuration.
    pub(super) fn read(
        args: &ServeArgs,
        setup: Setup,
        output: &mut Output,
    ) -> Result<Option<(Self, Option<Origin>)>, CommandError> {
        let Some((path, raw)) = file::find(args)? else { return Ok(None) };
        if args.hooks.is_some() {
            for doubt in file::doubts(args, &raw) {
                output.remark(&format!("warning: {}: {doubt}", path.display()))?;
            }
        }
        let opened = file::open(&raw)
            .map_err(|wrong| CommandError::HooksRefused { path, wrong: wrong.join("\n  ") })?;
        let hooks = Self {
            sources: opened.sources,
            rules: opened.rules,
            config: args.config.clone(),
            setup,
            room: Semaphore::new(HELD / 1024),
            pushes: None,
            later: Notify::new(),
            ours: Ours::default(),
        };
        Ok(Some((hooks, opened.origin)))
    }

    /// Does what was accepted, for as long as it is served.
    pub(super) async fn work(
        &self,
        bus: &Bus,
        told: &Told,
        remarks: &mpsc::Sender<String>,
    ) -> Infallible {
        let results: Vec<_> = RESULTS.into_iter().map(|(_, word)| word).collect();
        for source in self.sources.keys() {
            told.expects(source, &[&results[..], &[NOT_UNDERSTOOD]].concat());
        }
        let errands = self.run_errands(bus, told, remarks);
        let waiting = self.do_what_waits(bus, remarks);
        join(errands, waiting).await.0
    }

    /// Has pushes of the configuration deployed.
    pub(super) fn with(self, pushes: Option<Arc<Pushes>>) -> Self {
        Self { pushes, ..self }
    }
}

/// Takes a delivery.
pub(super) async fn receive(
    State(window): State<Arc<Window>>,
    Named(source): Named<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let known = source.parse::<SourceName>().ok();
    let hooks = window.hooks.as_ref().zip(known);
    let Some((hooks, (name, (source, pace)))) =
        hooks.and_then(|(hooks, name)| Some((hooks, hooks.sources.get_key_value(&name)?)))
    else {
        return (StatusCode::NOT_FOUND, "there is no such source\n").into_response();
    };
    let answer = match take(hooks, &window.bus, name, (source, pace), &headers, body).await {
        Ok(answer) => answer,
        Err(refusal) => {
            if let Some(remark) = refusal.remark() {
                // Where nobody keeps up with reading them, some are not read.
                drop(window.remarks.try_send(format!("webhook of {name}: {remark}")));
            }
            refusal.answer()
        }
    };
    window.live.told().answered(name, result(answer.status()));
    answer
}

/// What senders are told, in a word.
const RESULTS: [(StatusCode, &str); 6] = [
    (StatusCode::ACCEPTED, "accepted"),
    (StatusCode::OK, "nothing-to-do"),
    (StatusCode::UNAUTHORIZED, "not-authorised"),
    (StatusCode::REQUEST_TIMEOUT, "too-slow"),
    (StatusCode::TOO_MANY_REQUESTS, "too-fast"),
    (StatusCode::SERVICE_UNAVAILABLE, "again-later"),
];
/// What they are told otherwise.
const NOT_UNDERSTOOD: &str = "not-understood";

/// Returns what a sender was told, in a word.
fn result(told: StatusCode) -> &'static str {
    let known = RESULTS.into_iter().find(|(status, _)| *status == told);
    known.map_or(NOT_UNDERSTOOD, |(_, word)| word)
}

/// Why a delivery is not accepted.
enum Refusal {
    /// It is not what this source sends.
    Refused(phoenix_hooks::Refused),
    /// Its body does not come.
    Slow,
    /// It is right, and the next one may come so much later.
    Fast(Duration),
    /// It is right, and cannot be stored or done now.
    Later(CommandError),
}

async fn take(
    hooks: &Hooks,
    bus: &Bus,
    name: &SourceName,
    (source, pace): (&Source, &Pace),
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let body = read(hooks, headers, body).await?;
    let now = session::now();
    let Delivery { id, kind } = source.receive(headers, &body, now).map_err(Refusal::Refused)?;
    drop(body);
    // Only what its sender has signed counts: whoever reaches the address shuts nobody out.
    if let Some(wait) = pace.is_too_fast() {
        return Err(Refusal::Fast(wait));
    }
    let pushes = match kind {
        Kind::Pushes(pushes) => pushes,
        Kind::Ping => return Ok(nothing(id.as_str(), "the source is heard")),
        Kind::Note(_) => {
            return Ok(nothing(id.as_str(), "notes are for people, and ask for nothing"));
        }
        Kind::Ignored { why } => return Ok(nothing(id.as_str(), &why)),
    };
    let arrival =
        Arrival { source: name, id: id.as_str(), at: now, pushes: &pushes, trace: trace(headers) };
    arrival.accept(hooks, bus).await
}

/// Returns the trace that something is told in, where it is told in one and no other.
fn trace(headers: &HeaderMap) -> Option<TraceParent> {
    let mut told = headers.get_all("traceparent").iter();
    let trace = told.next()?.to_str().ok()?.parse().ok();
    trace.filter(|_| told.next().is_none())
}

/// Answers that there is nothing to do.
fn nothing(id: &str, why: &str) -> Response {
    let told = json!({ "status": "nothing to do", "delivery": id, "reason": why });
    (StatusCode::OK, Json(told)).into_response()
}

/// Reads a body, once there is room for it. One that says that it is too long is not read at all.
async fn read(hooks: &Hooks, headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Refusal> {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let length: usize = length.unwrap_or(LIMIT);
    let too_large = |bytes| Refusal::Refused(phoenix_hooks::Refused::TooLarge { bytes });
    if length > LIMIT {
        return Err(too_large(length));
    }
    let kibibytes = u32::try_from(length / 1024 + 1).unwrap_or(u32::MAX);
    let reading = async {
        // Nobody closes it.
        let _room = hooks.room.acquire_many(kibibytes).await;
        to_bytes(body, LIMIT).await.map_err(|_| too_large(LIMIT + 1))
    };
    timeout(BODY, reading).await.map_err(|_| Refusal::Slow)?.map(Vec::from)
}

impl Refusal {
    /// Has it sent again when NATS is back.
    fn of(err: BusError) -> Self {
        Self::Later(err.into())
    }

    /// Returns what the operator is told.
    fn remark(&self) -> Option<String> {
        match self {
            Self::Refused(refused) => Some(format!("refused: {refused}; {}", refused.advice())),
            Self::Slow | Self::Fast(_) => None,
            Self::Later(err) => Some(format!("cannot be done: {}", phoenix_domain::chain(err))),
        }
    }

    /// Returns what the sender is told.
    fn answer(self) -> Response {
        match self {
            Self::Refused(refused) => {
                (refused.status(), format!("{}\n", refused.told())).into_response()
            }
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, "the body does not come\n").into_response(),
            Self::Fast(wait) => {
                let wait = [(RETRY_AFTER, wait.as_secs().max(1).to_string())];
                (StatusCode::TOO_MANY_REQUESTS, wait, "too fast\n").into_response()
            }
            Self::Later(err) => {
                let again = [(RETRY_AFTER, AGAIN)];
                (StatusCode::SERVICE_UNAVAILABLE, again, format!("{err}\n")).into_response()
            }
        }
    }
}
