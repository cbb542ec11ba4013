//! Signing in and out, and what is asked of everybody who reads or acts.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{COOKIE, HOST, ORIGIN, RETRY_AFTER, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Window;
use super::answers::Shared;
use super::door::{LASTS, NotLetIn, SESSION};
use super::refusal::Refusal;
use super::sent::{Nothing, Sent};
use crate::session::{self, Hand};

/// The header in which a page proves that it is ours.
const PROOF: &str = "x-phoenix-proof";

/// What somebody signs in with.
#[derive(Deserialize)]
pub(super) struct SignIn {
    name: String,
    token: String,
}

/// Somebody who may act: they are in, and it is our page that asks.
pub(super) struct Actor {
    name: String,
}

impl Actor {
    /// Returns what they act with.
    pub(super) fn hand<'h>(&self, window: &'h Window) -> Hand<'h> {
        Hand {
            bus: &window.bus,
            setup: &window.setup,
            teller: session::teller_of("page", None),
            by: self.by(),
        }
    }

    /// Says who they are, as the log has it.
    pub(super) fn by(&self) -> String {
        format!("{} by the page", self.name)
    }
}

impl FromRequestParts<Shared> for Actor {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Refusal> {
        let (window, headers) = (&shared.window, &parts.headers);
        let Some(door) = &window.door else { return Err(Refusal::nobody_signs_in()) };
        let visitor = door.visitor(headers).ok_or_else(Refusal::not_signed_in)?;
        is_our_page(window, headers)?;
        match headers.get(PROOF) {
            Some(proof) if visitor.proves(proof.as_bytes()) => Ok(Self { name: visitor.name }),
            Some(_) | None => {
                let error = "the page does not prove that it is ours";
                Err(Refusal::new(StatusCode::FORBIDDEN, error).hint("load the page anew"))
            }
        }
    }
}

/// Refuses what a page of somebody else has a browser send.
fn is_our_page(window: &Window, headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if window.names.is_our_page(text(ORIGIN), text(HOST)) {
        return Ok(());
    }
    let error = "this was sent by a page that is not ours";
    let hint = "behind a proxy, say by which name browsers call it: `phoenix serve --name NAME`";
    Err(Refusal::new(StatusCode::FORBIDDEN, error).hint(hint))
}

/// Asks who reads to sign in, where that is so.
pub(super) async fn reads(
    State(window): State<Arc<Window>>,
    request: Request,
    next: Next,
) -> Response {
    if window.may_read(request.headers()) {
        next.run(request).await
    } else {
        Refusal::not_signed_in().into_response()
    }
}

/// Says whether one can sign in, and who has; a page that is ours is told its proof.
pub(super) async fn session(State(window): State<Arc<Window>>, headers: HeaderMap) -> Json<Value> {
    let visitor = window.door.as_ref().and_then(|door| door.visitor(&headers));
    Json(json!({
        "canSignIn": window.door.is_some(),
        "mayRead": window.may_read(&headers),
        "name": visitor.as_ref().map(|visitor| &visitor.name),
        "proof": visitor.as_ref().map(|visitor| &visitor.proof),
    }))
}

pub(super) async fn sign_in(
    State(window): State<Arc<Window>>,
    headers: HeaderMap,
    Sent(told): Sent<SignIn>,
) -> Result<Response, Refusal> {
    let Some(door) = &window.door else { return Err(Refusal::nobody_signs_in()) };
    is_our_page(&window, &headers)?;
    let (session, visitor) = match door.sign_in(&told.name, &told.token) {
        Ok(visitor) => visitor,
        Err(why) => {
            // Where nobody keeps up with reading them, some are not read.
            drop(window.remarks.try_send(format!("sign-in: {}", why.remark())));
            return Ok(why.answer());
        }
    };
    let cookie = cookie(&headers, &session, LASTS.as_secs());
    let told = json!({ "name": visitor.name, "proof": visitor.proof });
    Ok(([(SET_COOKIE, cookie)], Json(told)).into_response())
}

pub(super) async fn sign_out(
    State(window): State<Arc<Window>>,
    _actor: Actor,
    headers: HeaderMap,
    _: Nothing,
) -> Response {
    if let Some(door) = &window.door {
        door.sign_out(&headers);
    }
    ([(SET_COOKIE, cookie(&headers, "", 0))], Json(json!({}))).into_response()
}

/// Returns the cookie of a session. Whether it came over https the browser itself says, in the address
/// of the page that sends it; no header of a proxy is believed.
fn cookie(headers: &HeaderMap, session: &str, seconds: u64) -> String {
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    let is_secure = origin.is_some_and(|origin| origin.starts_with("https://"));
    let secure = if is_secure { "; Secure" } else { "" };
    format!("{SESSION}={session}; HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}{secure}")
}

impl Window {
    /// Says whether whoever sent this may read.
    pub(super) fn may_read(&self, headers: &HeaderMap) -> bool {
        let guarded = self.door.as_ref().filter(|door| door.guards_reading);
        guarded.is_none_or(|door| door.visitor(headers).is_some())
    }
}

/// Returns what of a request says who sent it.
pub(super) fn cookies(headers: &HeaderMap) -> HeaderMap {
    headers.get_all(COOKIE).iter().map(|cookie| (COOKIE, cookie.clone())).collect()
}

impl NotLetIn {
    /// Returns what the operator is told.
    fn remark(&self) -> &'static str {
        match self {
            Self::WrongToken => "refused: the token is another one",
            Self::BadName => "refused: the name cannot be used",
            Self::TooFast(_) => "refused: too many attempts",
            Self::NoLuck => "refused: the system gives no random numbers",
        }
    }

    fn answer(&self) -> Response {
        let refuse = Refusal::new;
        match self {
            Self::WrongToken => refuse(StatusCode::UNAUTHORIZED, "this is not the token")
                .hint("it stands in the file that `phoenix serve --token-file` names"),
            Self::BadName => refuse(StatusCode::UNPROCESSABLE_ENTITY, "this name cannot be used")
                .hint("take one of 1 to 64 letters, on one line: the log has it with all you do"),
            Self::TooFast(wait) => {
                let seconds = wait.as_secs().max(1).to_string();
                let refusal = refuse(StatusCode::TOO_MANY_REQUESTS, "there were too many attempts")
                    .hint(&format!("try again in {seconds} s"));
                return ([(RETRY_AFTER, seconds)], refusal).into_response();
            }
            Self::NoLuck => refuse(StatusCode::SERVICE_UNAVAILABLE, "no session can be made"),
        }
        .into_response()
    }
}
