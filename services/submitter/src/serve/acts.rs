//! What people do on the page: the same that they would type, by the same functions.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use phoenix_domain::health::IncidentId;
use phoenix_domain::{RunId, Vmid};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Window;
use super::refusal::Refusal;
use super::sent::{Nothing, Sent};
use super::visits::Actor;
use crate::cli::{self, Named, Says};
use crate::commands::{answer, cancel, dead, health, retry};
use crate::states;
use crate::words;

/// What is answered, and to what.
#[derive(Deserialize)]
pub(super) struct Reply {
    says: Says,
    /// What the page showed.
    asked: String,
}

type Told = Result<Json<Value>, Refusal>;

fn said(text: &str) -> Json<Value> {
    Json(json!({ "said": text.trim_end() }))
}

/// Reads the number of a guest in an address.
pub(super) fn vmid(text: &str) -> Result<Vmid, Refusal> {
    cli::vmid(text).map_err(|rule| Refusal::no_such("that is no guest").hint(&rule))
}

fn run(text: &str) -> Result<RunId, Refusal> {
    text.parse().map_err(|_| Refusal::no_such("that is no run"))
}

fn letter(text: &str) -> Result<u64, Refusal> {
    text.parse().map_err(|_| Refusal::no_such("that is no number of a letter"))
}

async fn reply(window: &Window, actor: &Actor, named: Named, reply: &Reply) -> Told {
    let hand = actor.hand(window);
    let told = Box::pin(answer::answer(&hand, &named, reply.says, Some(&reply.asked))).await?;
    match told.code {
        0 => Ok(said(&told.text)),
        _ => Err(Refusal::new(StatusCode::CONFLICT, told.text.trim_end())),
    }
}

pub(super) async fn answer_guest(
    State(window): State<Arc<Window>>,
    actor: Actor,
    Path(guest): Path<String>,
    Sent(says): Sent<Reply>,
) -> Told {
    reply(&window, &actor, Named::Guest(vmid(&guest)?), &says).await
}

pub(super) async fn answer_run(
    State(window): State<Arc<Window>>,
    actor: Actor,
    Path(of): Path<String>,
    Sent(says): Sent<Reply>,
) -> Told {
    reply(&window, &actor, Named::Run(run(&of)?), &says).await
}

async fn stop(window: &Window, actor: &Actor, named: Named) -> Told {
    Ok(said(&Box::pin(cancel::stop(&actor.hand(window), &[named])).await?))
}

pub(super) async fn cancel_guest(
    State(window): State<Arc<Window>>,
    actor: Actor,
    Path(guest): Path<String>,
    _: Nothing,
) -> Told {
    stop(&window, &actor, Named::Guest(vmid(&guest)?)).await
}

pub(super) async fn cancel_run(
    State(window): State<Arc<Window>>,
    actor: Actor,
    Path(of): Path<String>,
    _: Nothing,
) -> Told {
    stop(&window, &actor, Named::Run(run(&of)?)).await
}

pub(super) async fn retry(
    State(window): State<Arc<Window>>,
    actor: Actor,
    Path(guest): Path<String>,
    _: Nothing,
) -> Told {
    let guest = states::key(&window.bus, vmid(&guest)?).await?;
    let (run, appended) = Box::pin(retry::again(&actor.hand(&window), &[guest], false)).await?;
    Ok(said(&retry::text(&run, &appended)))
}

pub(super) async fn acknowledge(
    State(window): State<Arc<Window>>,
    actor: Actor,
    Path(incident): Path<String>,
    _: Nothing,
) -> Told {
    let incident: IncidentId =
        incident.parse().map_err(|_| Refusal::no_such("that is no incident"))?;
    Ok(said(&health::acknowledge(&window.bus, incident, actor.by(), None).await?))
}

pub(super) async fn replay(
    State(window): State<Arc<Window>>,
    actor: Actor,
    Path(number): Path<String>,
    _: Nothing,
) -> Told {
    let again = Box::pin(dead::again(&actor.hand(&window), letter(&number)?)).await?;
    let (title, run) = again;
    Ok(said(&format!("{title} is asked for again; follow it: {}", words::follow(&run))))
}

pub(super) async fn discard(
    State(window): State<Arc<Window>>,
    _actor: Actor,
    Path(number): Path<String>,
    _: Nothing,
) -> Told {
    let number = letter(&number)?;
    dead::find(&window.bus, number).await?;
    window.bus.discard(number).await.map_err(crate::error::CommandError::from)?;
    Ok(said(&format!("discarded letter {number}")))
}

/// Tells the story of a letter.
pub(super) async fn story(
    State(window): State<Arc<Window>>,
    Path(number): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let number = letter(&number)?;
    let filed = dead::find(&window.bus, number).await?;
    Ok(Json(json!({
        "apiVersion": "phoenix.dev/v1", "kind": "Story", "letter": number,
        "text": crate::letter::story(&filed),
    })))
}
