//! What a request to act says in its body.

use std::error::Error;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answers::Shared;
use super::refusal::Refusal;

/// What is asked for.
pub(super) struct Sent<T>(pub(super) T);

/// Nothing at all: what is to be done stands in the address.
pub(super) struct Nothing;

impl<T: DeserializeOwned> FromRequest<Shared> for Sent<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Refusal> {
        let read = Json::from_request(request, shared).await;
        read.map(|Json(sent)| Self(sent)).map_err(|rejection| refused(&rejection))
    }
}

impl FromRequest<Shared> for Nothing {
    type Rejection = Refusal;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Refusal> {
        let body = Bytes::from_request(request, shared).await;
        let body = body.map_err(|rejection| refused(&rejection.into()))?;
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self);
        }
        match serde_json::from_slice(&body) {
            Ok(Value::Object(said)) if said.is_empty() => Ok(Self),
            Ok(_) => Err(otherwise("there is nothing to say here: send no body, or `{}`")),
            Err(err) => Err(no_json(&err.to_string())),
        }
    }
}

fn refused(rejection: &JsonRejection) -> Refusal {
    match rejection.status() {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "what was sent does not say that it is JSON",
        )
        .hint("send `Content-Type: application/json`"),
        StatusCode::PAYLOAD_TOO_LARGE => {
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "what was sent is too long")
        }
        StatusCode::UNPROCESSABLE_ENTITY => otherwise(&why(rejection)),
        _ => no_json(&why(rejection)),
    }
}

/// Refuses JSON that says something else than is asked.
fn otherwise(why: &str) -> Refusal {
    let error = format!("what was sent is not what is asked for here: {why}");
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, &error).hint(WHERE)
}

fn no_json(why: &str) -> Refusal {
    let error = format!("what was sent cannot be read as JSON: {why}");
    Refusal::new(StatusCode::BAD_REQUEST, &error).hint(WHERE)
}

/// Returns what is behind it all: what is wrong, and where.
fn why(rejection: &JsonRejection) -> String {
    let mut cause: &dyn Error = rejection;
    while let Some(err) = cause.source() {
        cause = err;
    }
    cause.to_string()
}

/// Where it stands what is sent.
const WHERE: &str = "load the page anew; what each address takes stands in docs/watching.md";
