//! What somebody is told whose request is not done: what, and what to do.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use phoenix_domain::chain;
use serde_json::json;

use crate::error::{
    CommandError, EXIT_CONFLICT, EXIT_NOT_FOUND, EXIT_NOT_PERMITTED, EXIT_UNAVAILABLE,
};

/// Why a request is not done.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    error: String,
    hints: Vec<String>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, error: &str) -> Self {
        Self { status, error: error.to_owned(), hints: Vec::new() }
    }

    /// Adds what to do.
    pub(super) fn hint(mut self, hint: &str) -> Self {
        self.hints.push(hint.to_owned());
        self
    }

    pub(super) fn not_signed_in() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "you are not signed in").hint("sign in, on the page")
    }

    pub(super) fn nobody_signs_in() -> Self {
        Self::new(StatusCode::NOT_FOUND, "nobody can sign in here, so the page only shows")
            .hint("start it with a token: `phoenix serve --token-file FILE`")
    }

    pub(super) fn no_such(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, what)
    }
}

impl From<CommandError> for Refusal {
    fn from(err: CommandError) -> Self {
        let status = match err.exit_code() {
            EXIT_NOT_FOUND => StatusCode::NOT_FOUND,
            EXIT_CONFLICT => StatusCode::CONFLICT,
            EXIT_UNAVAILABLE | EXIT_NOT_PERMITTED => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self { status, error: chain(&err), hints: err.hints() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let told = json!({ "error": self.error, "hints": self.hints });
        (self.status, Json(told)).into_response()
    }
}
