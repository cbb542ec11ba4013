//! One talk with one service: what is said to it, and what people are told of that.

use std::time::Duration;

use phoenix_domain::health::{Found, Progress, Reason};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use super::excerpt;
use super::http1::{self, Answer};
use super::pace::Pace;
use super::way::Place;
use super::wire::{self, Trouble};

/// The largest answer that is read, but for counters.
pub(super) const PAGE: usize = 64 * 1024;
/// The most that is read of counters.
pub(super) const COUNTERS: usize = 1024 * 1024;

/// What a talk has brought.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) found: Found,
    pub(super) progress: Option<Progress>,
}

impl From<Found> for Finding {
    fn from(found: Found) -> Self {
        Self { found, progress: None }
    }
}

/// How the monitor says who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    None,
    /// `Authorization: Bearer …`
    Bearer,
    /// `api-key: …`
    ApiKey,
}

/// A question over HTTP.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    pub(super) path: &'a str,
    pub(super) pass: Pass,
    /// What is sent with it, which makes it a `POST`.
    pub(super) json: Option<&'a str>,
    /// The most that is read of the answer.
    pub(super) most: usize,
    /// How long the answer is waited for.
    pub(super) patience: Duration,
}

/// One talk with one service.
#[derive(Debug)]
pub(super) struct Talk<'a> {
    pub(super) at: Place<'a>,
    pub(super) line: &'a mut Option<TcpStream>,
    pub(super) key: Option<&'a SecretString>,
    pub(super) pace: &'a Pace,
    /// What was asked last.
    pub(super) asked: String,
    /// What came of it.
    pub(super) came: String,
    /// What that said.
    pub(super) excerpt: String,
}

impl<'a> Talk<'a> {
    pub(super) fn new(
        at: Place<'a>,
        line: &'a mut Option<TcpStream>,
        key: Option<&'a SecretString>,
        pace: &'a Pace,
    ) -> Self {
        let (asked, came, excerpt) = Default::default();
        Self { at, line, key, pace, asked, came, excerpt }
    }

    /// Asks for a page.
    pub(super) async fn get(&mut self, path: &str, pass: Pass) -> Result<Answer, Found> {
        let patience = self.pace.answer;
        self.ask(Question { path, pass, json: None, most: PAGE, patience }).await
    }

    /// Asks for counters.
    pub(super) async fn counters(&mut self, pass: Pass) -> Result<Answer, Found> {
        let (path, patience) = ("/metrics", self.pace.answer);
        self.ask(Question { path, pass, json: None, most: COUNTERS, patience }).await
    }

    /// Asks and waits for the answer. Without one, nothing more can be learnt but what is returned.
    pub(super) async fn ask(&mut self, question: Question<'_>) -> Result<Answer, Found> {
        let request = self.request(question)?;
        let talk = http1::exchange(self.line, self.at, &request, question.most);
        match wire::within(question.patience, talk).await {
            Ok(answer) => {
                self.answered(&answer);
                Ok(answer)
            }
            Err(trouble) => Err(self.unanswered(&trouble)),
        }
    }

    /// Returns the bytes of a question, and takes note of what is asked.
    pub(super) fn request(&mut self, question: Question<'_>) -> Result<Zeroizing<Vec<u8>>, Found> {
        let Question { path, json, .. } = question;
        let method = if json.is_some() { "POST" } else { "GET" };
        // What follows a question mark may be a password.
        let shown = match path.split_once('?') {
            Some((path, _)) => format!("{path}?…"),
            None => path.to_owned(),
        };
        self.asked = format!("{method} http://{}{shown}", self.at);
        self.came.clear();
        self.excerpt.clear();
        if !path.starts_with('/') || path.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            "not asked: that is no path".clone_into(&mut self.came);
            return Err(Found::Unasked(Reason::ProbeConfig));
        }
        let key = self.key.map(SecretString::expose_secret);
        let key = match question.pass {
            Pass::None => None,
            Pass::Bearer => key.map(|key| ("authorization: Bearer ", key)),
            Pass::ApiKey => key.map(|key| ("api-key: ", key)),
        };
        if key.is_some_and(|(_, key)| key.bytes().any(|byte| byte < b' ' || byte == 0x7f)) {
            "not asked: its key has a line break in it".clone_into(&mut self.came);
            return Err(Found::Unasked(Reason::ProbeConfig));
        }
        let host = self.at.to_string();
        // Large enough that no copy of the key is left behind by growing.
        let room = 192 + path.len() + host.len() + key.map_or(0, |(_, key)| key.len());
        let mut request = Zeroizing::new(Vec::with_capacity(room + json.map_or(0, str::len)));
        for piece in [method, " ", path, " HTTP/1.1\r\nhost: ", &host, "\r\n"] {
            request.extend_from_slice(piece.as_bytes());
        }
        request.extend_from_slice(b"user-agent: phoenix-health-monitor\r\naccept: */*\r\n");
        if let Some((header, key)) = key {
            for piece in [header, key, "\r\n"] {
                request.extend_from_slice(piece.as_bytes());
            }
        }
        if let Some(json) = json {
            let length = json.len().to_string();
            for piece in
                ["content-type: application/json\r\ncontent-length: ", &length, "\r\n\r\n", json]
            {
                request.extend_from_slice(piece.as_bytes());
            }
        } else {
            request.extend_from_slice(b"\r\n");
        }
        Ok(request)
    }

    /// Takes note of an answer.
    pub(super) fn answered(&mut self, answer: &Answer) {
        self.came = answer.status.to_string();
        if answer.status >= 400 {
            self.excerpt = excerpt::of(&answer.body);
        }
    }

    /// Takes note of what went wrong.
    pub(super) fn unanswered(&mut self, trouble: &Trouble) -> Found {
        self.came = trouble.words();
        self.excerpt.clear();
        trouble.found()
    }

    /// Says to people what an answer means.
    pub(super) fn note(&mut self, words: &str) {
        self.came.push_str(": ");
        self.came.push_str(words);
    }
}

/// Returns what a status says of a service that was asked for what it always has.
pub(super) fn by_status(status: u16) -> Found {
    match status {
        200..=299 => Found::Serving,
        401 | 403 => Found::Unasked(Reason::ProbeAuth),
        408 | 429 => Found::Worse(Reason::Saturated),
        500..=599 => Found::Failing(Reason::AnswersError),
        // It says that the question was wrong, so the answer says nothing about it.
        _ => Found::Unasked(Reason::ProbeConfig),
    }
}
