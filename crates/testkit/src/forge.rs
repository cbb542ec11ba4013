//! A forge that sends signed deliveries, as GitHub does.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a broken fixture should stop the test"
)]

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::Sha256;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// What it signs with.
pub const SECRET: &str = "phoenix-test-secret-0001";

/// A forge with one connection to a server, which the source `forge` stands for.
#[derive(Debug)]
pub struct Sender {
    at: String,
    stream: BufReader<TcpStream>,
}

/// Returns the signature of a body.
pub fn sign(body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    mac.finalize().into_bytes().iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// Returns what it says of a push to a branch of `github.com/acme/fleet`.
pub fn push_to(branch: &str) -> String {
    json!({
        "ref": format!("refs/heads/{branch}"),
        "before": "4f1c2e9a0b7d4c3e8f6a5b1d2c3e4f5a6b7c8d9e",
        "after": "72d3b6f0a1c24e5d9b8a7c6f5e4d3c2b1a0f9e8d",
        "created": false, "deleted": false, "forced": false,
        "repository": {
            "full_name": "acme/fleet", "html_url": "https://github.com/acme/fleet",
            "clone_url": "https://github.com/acme/fleet.git",
        },
        "pusher": { "name": "ann" },
        "commits": [{
            "id": "72d3b6f0a1c24e5d9b8a7c6f5e4d3c2b1a0f9e8d",
            "added": [], "removed": [], "modified": ["a"],
        }],
    })
    .to_string()
}

impl Sender {
    /// Connects to a server.
    pub async fn connect(at: &str) -> Self {
        let stream = TcpStream::connect(at).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { at: at.to_owned(), stream: BufReader::new(stream) }
    }

    /// Sends a delivery as it should be, and returns the status and what is said.
    pub async fn send(&mut self, id: &str, body: &str) -> (u16, String) {
        self.send_as(id, &sign(body), body, body.len()).await
    }

    /// Sends a delivery that is signed like this and says that it is so long.
    pub async fn send_as(
        &mut self,
        id: &str,
        signature: &str,
        body: &str,
        length: usize,
    ) -> (u16, String) {
        let request = format!(
            "POST /hooks/v1/forge HTTP/1.1\r\nHost: {}\r\nContent-Length: {length}\r\n\
             Content-Type: application/json\r\nX-GitHub-Event: push\r\n\
             X-GitHub-Delivery: {id}\r\nX-Hub-Signature-256: sha256={signature}\r\n\r\n{body}",
            self.at
        );
        self.stream.write_all(request.as_bytes()).await.unwrap();
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            assert_ne!(self.stream.read_line(&mut line).await.unwrap(), 0, "it hung up");
            let line = line.trim_end().to_ascii_lowercase();
            if line.starts_with("http/1.1 ") {
                status = line.split(' ').nth(1).unwrap().parse().unwrap();
            } else if let Some(bytes) = line.strip_prefix("content-length: ") {
                length = bytes.parse().unwrap();
            } else if line.is_empty() {
                break;
            }
        }
        let mut said = vec![0; length];
        self.stream.read_exact(&mut said).await.unwrap();
        (status, String::from_utf8(said).unwrap())
    }
}
