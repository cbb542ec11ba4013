//! Webhooks: what a forge tells, and what is asked for because of it.
//!
//! A delivery is answered with 202 once what it asks for stands in the logs. Its run is named after it, so
//! that a repetition, whoever was killed in between, asks for nothing twice.

mod deploy;
mod file;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Path as Named, State};
use axum::http::header::{CONTENT_LENGTH, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use phoenix_bus::{Accepted, Bus, Setup};
use phoenix_domain::{RunId, SourceName};
use phoenix_hooks::{Delivery, Kind, LIMIT, Matched, Push, Rule, Source, matching};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use self::deploy::Desk;
use super::Window;
use super::pace::Pace;
use crate::asking::Asking;
use crate::cli::{ConfigArgs, ServeArgs};
use crate::error::CommandError;
use crate::session;

/// How long a body may take to arrive.
const BODY: Duration = Duration::from_secs(10);
/// How many bytes of bodies are held at once, whoever sends them; the others wait.
const HELD: usize = 2 * LIMIT;
/// So many deliveries a second may one source send, for as long as it wants.
const STEADY: f64 = 100.0;
/// So many at once, where there were fewer before.
const BURST: f64 = 500.0;
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
}

impl Hooks {
    /// Reads the file that says it.
    pub(super) fn read(path: &Path, args: &ServeArgs, setup: Setup) -> Result<Self, CommandError> {
        let file = file::read(path).map_err(|wrong| {
            let path = PathBuf::from(path);
            CommandError::HooksRefused { path, wrong: wrong.join("\n  ") }
        })?;
        let sources = file
            .sources
            .into_iter()
            .map(|(name, source)| (name, (source, Pace::new(STEADY, BURST))));
        Ok(Self {
            sources: sources.collect(),
            rules: file.rules,
            config: args.config.clone(),
            setup,
            room: Semaphore::new(HELD / 1024),
        })
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
    if let Some(wait) = pace.is_too_fast() {
        let wait = wait.as_secs().max(1).to_string();
        return (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, wait)], "too fast\n")
            .into_response();
    }
    match take(hooks, &window.bus, name, source, &headers, body).await {
        Ok(answer) => answer,
        Err(refusal) => {
            if let Some(remark) = refusal.remark() {
                // Where nobody keeps up with reading them, some are not read.
                drop(window.remarks.try_send(format!("webhook of {name}: {remark}")));
            }
            refusal.answer()
        }
    }
}

/// Why a delivery is not accepted.
enum Refusal {
    /// It is not what this source sends.
    Refused(phoenix_hooks::Refused),
    /// Its body does not come.
    Slow,
    /// It is right, and cannot be stored or done now.
    Later(CommandError),
}

async fn take(
    hooks: &Hooks,
    bus: &Bus,
    name: &SourceName,
    source: &Source,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let body = read(hooks, headers, body).await?;
    let now = session::now();
    let Delivery { id, kind } = source.receive(headers, &body, now).map_err(Refusal::Refused)?;
    drop(body);
    let known = bus.delivery(name, id.as_str()).await;
    if let Some(accepted) = known.map_err(|err| Refusal::Later(err.into()))? {
        let told = json!({ "status": "duplicate", "delivery": id.as_str(), "run": accepted.run });
        return Ok((StatusCode::OK, Json(told)).into_response());
    }
    let nothing = |why: String| {
        let told = json!({ "status": "nothing to do", "delivery": id.as_str(), "reason": why });
        Ok((StatusCode::OK, Json(told)).into_response())
    };
    let pushes = match kind {
        Kind::Pushes(pushes) => pushes,
        Kind::Ping => return nothing("the source is heard".to_owned()),
        Kind::Note(_) => return nothing("notes are for people, and ask for nothing".to_owned()),
        Kind::Ignored { why } => return nothing(why),
    };
    let matched = match matches(&hooks.rules, &pushes) {
        Ok(matched) => matched,
        Err(why) => return nothing(why),
    };
    let run = run_of(name, id.as_str()).map_err(Refusal::Later)?;
    let desk = Desk {
        bus,
        setup: &hooks.setup,
        config: &hooks.config,
        teller: session::teller_of("webhooks", None),
        asking: Asking { run: run.clone(), by: by(name, &pushes), trusts_log: false, hold_s: None },
    };
    let guests = Box::pin(desk.deploy(&matched)).await.map_err(Refusal::Later)?;
    // What it asks for stands in the logs; a sender that repeats it is told so.
    let accepted = Accepted { at: now, run: run.clone() };
    let noted = bus.note_delivery(name, id.as_str(), &accepted).await;
    noted.map_err(|err| Refusal::Later(err.into()))?;
    let told =
        json!({ "status": "accepted", "delivery": id.as_str(), "runs": [run], "guests": guests });
    Ok((StatusCode::ACCEPTED, Json(told)).into_response())
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

fn matches(rules: &[Rule], pushes: &[Push]) -> Result<Vec<Matched>, String> {
    let (mut matched, mut why) = (Vec::new(), Vec::new());
    for push in pushes {
        match matching(rules, push, session::now()) {
            Ok(more) => matched.extend(more),
            Err(nothing) => why.push(nothing.to_string()),
        }
    }
    if matched.is_empty() { Err(why.join("; ")) } else { Ok(matched) }
}

/// Returns the run of a delivery: always the same one.
fn run_of(source: &SourceName, id: &str) -> Result<RunId, CommandError> {
    let digest: [u8; 32] = Sha256::digest(format!("{source}/{id}")).into();
    let half = digest.first_chunk().map_or(0, |half| u128::from_be_bytes(*half));
    format!("r-{half:032x}").parse().map_err(CommandError::NoRunId)
}

/// Says who asks: whoever pushed, as the source tells it.
fn by(source: &SourceName, pushes: &[Push]) -> String {
    let who = pushes.iter().find_map(|push| push.pusher.as_deref());
    who.map_or_else(|| source.to_string(), |who| format!("{who} by {source}"))
}

impl Refusal {
    /// Returns what the operator is told.
    fn remark(&self) -> Option<String> {
        match self {
            Self::Refused(refused) => Some(format!("refused: {refused}; {}", refused.advice())),
            Self::Slow => None,
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
            Self::Later(err) => {
                let again = [(RETRY_AFTER, AGAIN)];
                (StatusCode::SERVICE_UNAVAILABLE, again, format!("{err}\n")).into_response()
            }
        }
    }
}
