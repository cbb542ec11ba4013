//! What a supervisor asks: whether the server is there, and whether what it tells is how things are.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::Window;
use super::live::Readiness;
use super::metrics::PATIENCE;

pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// Answers with 503 where one of the checks fails; `?verbose` names them.
pub(super) async fn ready(
    State(window): State<Arc<Window>>,
    RawQuery(query): RawQuery,
) -> Response {
    let nats = window.bus.is_connected();
    if nats {
        window.live.look_within(PATIENCE).await;
    }
    let connection = *window.bus.connected().borrow();
    let Readiness { log, look } = window.live.readiness(connection);
    let is_ready = nats && log && look;
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let asked = query.unwrap_or_default();
    let is_verbose = asked.split('&').any(|one| one == "verbose" || one.starts_with("verbose="));
    if is_verbose {
        let checks = json!({ "nats": nats, "log": log, "look": look });
        let told = json!({
            "apiVersion": "phoenix.dev/v1", "kind": "Readiness", "ready": is_ready, "checks": checks,
        });
        return (status, Json(told)).into_response();
    }
    let text = match (nats, log && look) {
        (false, _) => "NATS is not there\n",
        (true, false) => "what happened meanwhile is still read\n",
        (true, true) => "ready\n",
    };
    (status, text).into_response()
}
