//! Sends, and says what became of it.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::{HeaderValue, RETRY_AFTER, USER_AGENT};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use phoenix_domain::chain;

use crate::post::Post;
use crate::text::{clean, cut};

/// How long one attempt may take, whatever it waits for.
pub const LIMIT: Duration = Duration::from_secs(10);
/// How long the other side may take to take up a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// What the other side is told about who sends.
const US: &str = concat!("phoenix/", env!("CARGO_PKG_VERSION"));
/// How much of an answer is read: only why something was refused is of interest.
const ANSWER: usize = 2048;
/// How much of that people are shown.
const SHOWN: usize = 200;
/// Nobody is waited for longer than this because they say so.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The other side has it.
    Taken {
        /// What it said.
        came: String,
    },
    /// It may take it later.
    Later {
        /// Why not now.
        why: String,
        /// What it asks us to wait.
        after: Option<Duration>,
    },
    /// It would take something shorter.
    TooLong {
        /// What it said.
        why: String,
    },
    /// It will not take it before a human has changed something.
    Refused {
        /// Why not.
        why: String,
    },
}

/// What sends over HTTP.
pub type Client = legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Makes what sends over HTTP, which trusts whom this machine trusts.
pub fn client() -> io::Result<Client> {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(CONNECT));
    let connector = HttpsConnectorBuilder::new()
        .with_native_roots()?
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
    Ok(legacy::Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector))
}

/// Sends something, and says what became of it. It takes no longer than its limit.
pub async fn send(client: &Client, post: Post, now: DateTime<Utc>) -> Outcome {
    let sent = tokio::time::timeout(LIMIT, post_it(client, post, now)).await;
    sent.unwrap_or_else(|_| Outcome::late())
}

impl Outcome {
    /// Says that it took too long.
    pub fn late() -> Self {
        let why = format!("it took longer than {} s", LIMIT.as_secs());
        Self::Later { why, after: None }
    }

    /// Returns the same in other words.
    #[must_use]
    pub fn map_words(self, with: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Taken { came } => Self::Taken { came: with(came) },
            Self::Later { why, after } => Self::Later { why: with(why), after },
            Self::TooLong { why } => Self::TooLong { why: with(why) },
            Self::Refused { why } => Self::Refused { why: with(why) },
        }
    }
}

async fn post_it(client: &Client, post: Post, now: DateTime<Utc>) -> Outcome {
    let Post { url, mut headers, body } = post;
    headers.insert(USER_AGENT, HeaderValue::from_static(US));
    let mut request = Request::new(Full::new(Bytes::from(body)));
    let Ok(uri) = url.as_str().parse() else {
        return Outcome::Refused { why: "its address cannot be used".to_owned() };
    };
    (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) =
        (Method::POST, uri, headers);
    match client.request(request).await {
        Ok(answer) => judge(answer, now).await,
        Err(err) => Outcome::Later { why: chain(&err), after: None },
    }
}

async fn judge(answer: Response<Incoming>, now: DateTime<Utc>) -> Outcome {
    let status = answer.status();
    if status.is_success() {
        return Outcome::Taken { came: status.to_string() };
    }
    let after = answer
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| retry_after(text, now));
    let mut said = Vec::new();
    let mut body = answer.into_body();
    while said.len() < ANSWER {
        let Some(Ok(part)) = body.frame().await else { break };
        let part = part.into_data().unwrap_or_default();
        said.extend_from_slice(part.get(..ANSWER.min(part.len())).unwrap_or_default());
    }
    let said = String::from_utf8_lossy(&said).into_owned();
    let said = clean(&said);
    let why = match cut(&said, SHOWN) {
        "" => format!("it answers {status}"),
        said => format!("it answers {status}: {said}"),
    };
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => Outcome::TooLong { why },
        status if status.is_redirection() => {
            Outcome::Refused { why: format!("{why}; it leads elsewhere, which is not followed") }
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            Outcome::Later { why, after }
        }
        status if status.is_client_error() => Outcome::Refused { why },
        _ => Outcome::Later { why, after },
    }
}

/// Reads what the other side asks us to wait: seconds, or a time of day.
fn retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let wait = if let Ok(seconds) = text.trim().parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let at = DateTime::parse_from_rfc2822(text.trim()).ok()?;
        (at.with_timezone(&Utc) - now).to_std().unwrap_or_default()
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_us_to_wait_is_heeded_within_reason() {
        let now = DateTime::parse_from_rfc3339("2026-11-21T02:57:00Z").unwrap().with_timezone(&Utc);
        for (text, seconds) in [
            ("7", Some(7)),
            ("Sat, 21 Nov 2026 02:57:30 GMT", Some(30)),
            ("Sat, 21 Nov 2026 02:00:00 GMT", Some(0)),
            ("999999999", Some(3600)),
            ("soon", None),
        ] {
            assert_eq!(retry_after(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
