//! Asks a NATS server in the words of its protocol, and knows nothing of the bus that is tested.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many connections there were: each has an inbox of its own, or one would hear what another one asked.
static CONNECTIONS: AtomicU64 = AtomicU64::new(0);

/// A connection.
pub(crate) struct Wire {
    stream: BufReader<TcpStream>,
    inbox: String,
}

/// A message of a stream, as it lies there.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) seq: u64,
    pub(crate) subject: String,
    pub(crate) body: Vec<u8>,
}

impl Wire {
    /// Connects to the server that listens at this port.
    pub(crate) fn to(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let inbox = format!("_INBOX.torture.{}", CONNECTIONS.fetch_add(1, Ordering::Relaxed));
        let hello = format!("CONNECT {{\"verbose\":false}}\r\nSUB {inbox} 1\r\nPING\r\n");
        let mut wire = Self { stream: BufReader::new(stream), inbox };
        wire.write(hello.as_bytes())?;
        while wire.line()? != "PONG" {}
        Ok(wire)
    }

    /// Asks, and returns the answer.
    pub(crate) fn ask(&mut self, subject: &str, what: &Value) -> io::Result<Value> {
        let body = what.to_string();
        let (inbox, length) = (&self.inbox, body.len());
        let request = format!("PUB {subject} {inbox} {length}\r\n{body}\r\n");
        self.write(request.as_bytes())?;
        loop {
            let line = self.line()?;
            if line == "PING" {
                self.write(b"PONG\r\n")?;
            }
            let Some(words) = line.strip_prefix("MSG ") else { continue };
            let length = words.rsplit(' ').next().and_then(|length| length.parse().ok());
            let mut body = vec![0; length.ok_or_else(|| io::Error::other(line.clone()))?];
            self.stream.read_exact(&mut body)?;
            self.line()?;
            return serde_json::from_slice(&body).map_err(io::Error::other);
        }
    }

    /// Returns what a stream says of itself; nothing where it is not there.
    pub(crate) fn stream(&mut self, name: &str) -> io::Result<Option<Value>> {
        let answer = self.ask(&format!("$JS.API.STREAM.INFO.{name}"), &json!({}))?;
        Ok(answer.get("error").is_none().then_some(answer))
    }

    /// Returns all messages of a stream, oldest first.
    pub(crate) fn messages(&mut self, stream: &str) -> io::Result<Vec<Message>> {
        let Some(info) = self.stream(stream)? else { return Ok(Vec::new()) };
        let number = |name: &str| info.pointer(&format!("/state/{name}")).and_then(Value::as_u64);
        let (first, last) = (number("first_seq").unwrap_or(0), number("last_seq").unwrap_or(0));
        let mut messages = Vec::new();
        for seq in first.max(1)..=last {
            messages.extend(self.message(stream, &json!({ "seq": seq }))?);
        }
        Ok(messages)
    }

    /// Returns the last message of a stream with this subject.
    pub(crate) fn last(&mut self, stream: &str, subject: &str) -> io::Result<Option<Message>> {
        self.message(stream, &json!({ "last_by_subj": subject }))
    }

    fn message(&mut self, stream: &str, which: &Value) -> io::Result<Option<Message>> {
        let answer = self.ask(&format!("$JS.API.STREAM.MSG.GET.{stream}"), which)?;
        let Some(message) = answer.get("message") else { return Ok(None) };
        let text = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default();
        let body = STANDARD.decode(text("data")).map_err(io::Error::other)?;
        let seq = message.get("seq").and_then(Value::as_u64).unwrap_or(0);
        Ok(Some(Message { seq, subject: text("subject").to_owned(), body }))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}
