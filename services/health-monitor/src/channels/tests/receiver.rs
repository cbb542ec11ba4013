//! Somebody who is told things over HTTP, and refuses what real ones refuse.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::DateTime;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use url::Url;

use super::{PATIENCE, SECRET};

/// What is said in answer to one request.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// This, whatever was asked.
    Status(u16, &'static str),
    /// This, with a header.
    With(u16, &'static str, String),
    /// Nothing, ever.
    Hang,
}

/// What was asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// How a receiver judges what it is told.
pub(super) type Judge = fn(&Asked) -> Result<(), (u16, String)>;

struct Mind {
    script: Mutex<VecDeque<Answer>>,
    judge: Judge,
    asked: mpsc::UnboundedSender<Asked>,
}

/// Somebody who is told things. It is gone when this is dropped.
pub(super) struct Receiver {
    pub(super) at: SocketAddr,
    asked: mpsc::UnboundedReceiver<Asked>,
    task: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    /// Starts one that gives these answers first, and then judges.
    pub(super) async fn start(judge: Judge, script: &[Answer]) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), judge, script).await
    }

    pub(super) async fn start_at(at: SocketAddr, judge: Judge, script: &[Answer]) -> Self {
        let listener = TcpListener::bind(at).await.unwrap();
        let at = listener.local_addr().unwrap();
        let (sender, asked) = mpsc::unbounded_channel();
        let script = Mutex::new(script.iter().cloned().collect());
        let mind = Arc::new(Mind { script, judge, asked: sender });
        let router = Router::new().fallback(answer).with_state(mind);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { at, asked, task }
    }

    pub(super) fn url(&self) -> Url {
        Url::parse(&format!("http://{}/", self.at)).unwrap()
    }

    /// Returns what it is told next.
    pub(super) async fn next(&mut self) -> Asked {
        let next = tokio::time::timeout(PATIENCE, self.asked.recv()).await;
        next.expect("it is told some time").unwrap()
    }

    /// Says whether it was told anything it was not asked for yet.
    pub(super) fn has_more(&mut self) -> bool {
        self.asked.try_recv().is_ok()
    }
}

async fn answer(State(mind): State<Arc<Mind>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let asked = Asked { path: head.uri.path().to_owned(), headers: head.headers, body };
    let next = mind.script.lock().unwrap().pop_front();
    let judged = (mind.judge)(&asked);
    mind.asked.send(asked).ok();
    let say = |status: u16| Response::builder().status(status);
    match next {
        None => match judged {
            Ok(()) => say(200).body(Body::from("ok")).unwrap(),
            Err((status, why)) => say(status).body(Body::from(why)).unwrap(),
        },
        Some(Answer::Status(status, said)) => say(status).body(Body::from(said)).unwrap(),
        Some(Answer::With(status, header, value)) => {
            say(status).header(header, value).body(Body::empty()).unwrap()
        }
        Some(Answer::Hang) => std::future::pending().await,
    }
}

/// Takes up connections, reads a little, and breaks them off.
pub(super) async fn breaking_off(times: usize) -> (SocketAddr, JoinHandle<TcpListener>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        for _ in 0..times {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut some = [0; 16];
            stream.read_exact(&mut some).await.unwrap();
            stream.set_zero_linger().unwrap();
        }
        listener
    });
    (at, task)
}

fn refuse(why: impl Into<String>) -> Result<(), (u16, String)> {
    Err((400, why.into()))
}

fn read(asked: &Asked) -> Result<Value, (u16, String)> {
    serde_json::from_slice(&asked.body).map_err(|err| (400, err.to_string()))
}

/// Judges as a receiver of Standard Webhooks does.
pub(super) fn hooks(asked: &Asked) -> Result<(), (u16, String)> {
    let header = |name: &str| {
        let value = asked.headers.get(name).and_then(|value| value.to_str().ok());
        value.ok_or_else(|| (401, format!("no {name}")))
    };
    let (id, timestamp) = (header("webhook-id")?, header("webhook-timestamp")?);
    let age = chrono::Utc::now().timestamp() - timestamp.parse::<i64>().unwrap();
    if age.abs() > 300 {
        return Err((401, "too old".to_owned()));
    }
    let key = STANDARD.decode(SECRET.trim_start_matches("whsec_")).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(&asked.body);
    let wanted = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    let is_signed = header("webhook-signature")?.split(' ').any(|one| one == wanted);
    if is_signed { Ok(()) } else { Err((401, "bad signature".to_owned())) }
}

/// Judges as Slack does.
pub(super) fn slack(asked: &Asked) -> Result<(), (u16, String)> {
    let body = read(asked)?;
    match body["text"].as_str() {
        Some(text) if !text.is_empty() && text.len() < 40_000 => Ok(()),
        _ => refuse("no_text"),
    }
}

/// Judges as ntfy does; what lets in is the token of these tests.
pub(super) fn ntfy(asked: &Asked) -> Result<(), (u16, String)> {
    let key = asked.headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
    if key.is_some_and(|key| key != "Bearer tk_0123456789abcdefghijklmnopqrs") {
        return Err((401, "unauthorized".to_owned()));
    }
    let body = read(asked)?;
    let topic = body["topic"].as_str().unwrap_or_default();
    let is_topic = (1..=64).contains(&topic.len())
        && topic.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if asked.path != "/" || !is_topic {
        return refuse("invalid topic");
    }
    if !body["priority"].as_u64().is_some_and(|priority| (1..=5).contains(&priority)) {
        return refuse("invalid priority");
    }
    let is_texts =
        |value: &Value| value.as_array().is_some_and(|all| all.iter().all(Value::is_string));
    if !body["message"].is_string() || !body["title"].is_string() || !is_texts(&body["tags"]) {
        return refuse("invalid message");
    }
    if body["message"].as_str().unwrap().len() > 4096 {
        return refuse("message becomes an attachment");
    }
    for action in body["actions"].as_array().into_iter().flatten() {
        let is_view = action["action"] == "view" && action["url"].is_string();
        if !is_view || !action["label"].is_string() {
            return refuse("invalid action");
        }
    }
    Ok(())
}

/// Judges as Alertmanager does.
pub(super) fn alertmanager(asked: &Asked) -> Result<(), (u16, String)> {
    if asked.path != "/api/v2/alerts" {
        return Err((404, "no such path".to_owned()));
    }
    let body = read(asked)?;
    let Some(alerts) = body.as_array() else { return refuse("no list of alerts") };
    for alert in alerts {
        let Some(labels) = alert["labels"].as_object().filter(|labels| !labels.is_empty()) else {
            return refuse("at least one label pair required");
        };
        let is_name = |name: &str| {
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                && !name.starts_with(|first: char| first.is_ascii_digit())
        };
        if !labels.iter().all(|(name, value)| is_name(name) && value.is_string()) {
            return refuse("invalid label");
        }
        if labels.get("alertname").is_none() {
            return refuse("no alertname");
        }
        let time = |key: &str| alert[key].as_str().map(DateTime::parse_from_rfc3339).transpose();
        let (Ok(Some(starts)), Ok(ends)) = (time("startsAt"), time("endsAt")) else {
            return refuse("invalid time");
        };
        if ends.is_some_and(|ends| ends < starts) {
            return refuse("start time must be before end time");
        }
    }
    Ok(())
}
