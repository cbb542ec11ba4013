//! A forge that sends deliveries over one connection.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

pub(crate) const SECRET: &str = "a-secret-of-the-bench-0001";

pub(crate) struct Client {
    at: String,
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) async fn connect(at: &str) -> Self {
        let stream = TcpStream::connect(at).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { at: at.to_owned(), stream: BufReader::new(stream) }
    }

    /// Sends a delivery, and returns the status of the answer.
    pub(crate) async fn deliver(&mut self, id: &str, body: &str) -> u16 {
        let signature = sign(body.as_bytes());
        let request = format!(
            "POST /hooks/v1/forge HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\
             Content-Type: application/json\r\nX-GitHub-Event: push\r\n\
             X-GitHub-Delivery: {id}\r\nX-Hub-Signature-256: sha256={signature}\r\n\r\n{body}",
            self.at,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes()).await.unwrap();
        self.answer().await
    }

    async fn answer(&mut self) -> u16 {
        let (mut status, mut length) = (None, 0);
        loop {
            let mut line = String::new();
            assert_ne!(self.stream.read_line(&mut line).await.unwrap(), 0, "it hung up");
            let line = line.trim_end().to_ascii_lowercase();
            if status.is_none() {
                status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
            } else if let Some(bytes) = line.strip_prefix("content-length: ") {
                length = bytes.parse().unwrap();
            } else if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.unwrap();
        status.unwrap()
    }
}

/// Returns the signature of a body.
pub(super) fn sign(body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body);
    mac.finalize().into_bytes().iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// Returns what a forge says of a push to the branch of the `nth` guest.
pub(crate) fn body(nth: usize) -> String {
    serde_json::json!({
        "ref": format!("refs/heads/g{nth}"),
        "before": "4f1c2e9a0b7d4c3e8f6a5b1d2c3e4f5a6b7c8d9e",
        "after": "72d3b6f0a1c24e5d9b8a7c6f5e4d3c2b1a0f9e8d",
        "created": false, "deleted": false, "forced": false,
        "repository": {
            "full_name": "acme/fleet", "html_url": "https://github.com/acme/fleet",
            "clone_url": "https://github.com/acme/fleet.git",
        },
        "pusher": { "name": "ann" },
        "commits": [{ "id": "72d3b6f0a1c24e5d9b8a7c6f5e4d3c2b1a0f9e8d", "added": [], "removed": [], "modified": ["a"] }],
    })
    .to_string()
}
