//! A server that checks a signature and stores one message: what a webhook costs at least.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use phoenix_bus::bare::Bare;
use phoenix_testkit::forge::sign;
use tokio::net::TcpListener;

/// Answers until it is killed; says first where.
pub(crate) async fn answer(url: &str) {
    let bare = Bare::connect(url, "bare".parse().unwrap()).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("http://{}/", listener.local_addr().unwrap());
    let router = Router::new().route("/hooks/v1/forge", post(take)).with_state(Arc::new(bare));
    axum::serve(listener, router).await.unwrap();
}

async fn take(State(bare): State<Arc<Bare>>, headers: HeaderMap, body: String) -> StatusCode {
    let said = headers.get("x-hub-signature-256").map(|said| said.as_bytes().to_vec());
    if said != Some(format!("sha256={}", sign(&body)).into_bytes()) {
        return StatusCode::UNAUTHORIZED;
    }
    let push: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    if push["ref"].is_string() && bare.publish().await {
        StatusCode::ACCEPTED
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}
