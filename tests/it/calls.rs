//! People are called by the programs as a whole: through a file, a monitor that is killed, and what is
//! typed.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::health::Watched;

/// How long anything is waited for. No promise is about time: this only ends what would never end.
const PATIENCE: Duration = Duration::from_mins(3);

/// Somebody who is posted to, and says what to answer when.
struct Hook {
    listener: TcpListener,
    at: SocketAddr,
}

/// One message that was posted, and waits for its answer.
struct Posted {
    stream: BufReader<TcpStream>,
    headers: BTreeMap<String, String>,
    body: Value,
}

impl Hook {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        Self { listener, at }
    }

    async fn next(&self) -> Posted {
        let read = async {
            let (stream, _) = self.listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            let mut headers = BTreeMap::new();
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).await.unwrap();
                if line.trim().is_empty() {
                    break;
                }
                if let Some((name, value)) = line.trim().split_once(": ") {
                    headers.insert(name.to_lowercase(), value.to_owned());
                }
            }
            let length = headers.get("content-length").unwrap().parse().unwrap();
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.unwrap();
            Posted { stream, headers, body: serde_json::from_slice(&body).unwrap() }
        };
        tokio::time::timeout(PATIENCE, read).await.expect("it is told some time")
    }
}

impl Posted {
    async fn answer(mut self, status: &str) {
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        self.stream.write_all(answer.as_bytes()).await.unwrap();
        self.stream.shutdown().await.unwrap();
    }

    fn id(&self) -> &str {
        self.headers.get("webhook-id").unwrap()
    }

    fn kind(&self) -> &str {
        self.body.get("type").and_then(Value::as_str).unwrap()
    }
}

/// Writes a file with one webhook, and returns its path.
fn channels_file(watched: &Watched, at: SocketAddr) -> String {
    let folder = watched.folder.path();
    let secret = folder.join("whsec");
    fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let path = folder.join("channels.json");
    let text = format!(
        r#"{{"channels": [{{"name": "hooks", "kind": "webhook", "severity": "info",
            "url": "http://{at}/in", "secret_file": "{}"}}]}}"#,
        secret.display()
    );
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[tokio::test]
async fn who_is_called_when_the_monitor_is_killed_is_called_again_by_the_next_one() {
    let watched = Watched::new().await;
    let hook = Hook::new().await;
    let file = channels_file(&watched, hook.at);
    let mut first = watched.monitor_with("first", &["--channels", &file]);
    watched.until_found("healthy").await;

    watched.break_it("service").await;
    let before = hook.next().await;
    first.kill();
    let _second = watched.monitor_with("second", &["--channels", &file]);
    // Whatever is newer meanwhile takes its place; where nothing is, it is the very same.
    let after = hook.next().await;

    let incident = |posted: &Posted| posted.body.get("subject").cloned();
    assert_eq!(incident(&before), incident(&after));
    let is_same = before.id() == after.id();
    assert!(is_same || after.kind() == "dev.phoenix.incident.updated.v1", "{}", after.body);
    after.answer("200 OK").await;
}

#[tokio::test]
async fn a_channel_is_tried_listed_and_forgotten_by_what_is_typed() {
    let watched = Watched::new().await;
    let hook = Hook::new().await;
    let file = channels_file(&watched, hook.at);
    let mut monitor = watched.monitor_with("only", &["--channels", &file]);
    watched.until_found("healthy").await;

    let (tested, ()) = tokio::join!(watched.phoenix(&["channels", "test", "hooks"]), async {
        let posted = hook.next().await;
        assert_eq!(posted.kind(), "dev.phoenix.channel.test.v1");
        posted.answer("200 OK").await;
    });
    assert_eq!(tested.code, 0, "{tested:?}");
    assert!(tested.out.starts_with("hooks took the test: 200 OK in "), "{tested:?}");

    let (refused, ()) = tokio::join!(watched.phoenix(&["channels", "test", "hooks"]), async {
        hook.next().await.answer("401 Unauthorized").await;
    });
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.out.contains("hooks did not take the test: it answers 401"), "{refused:?}");
    let unknown = watched.phoenix(&["channels", "test", "nobody"]).await;
    assert_eq!(unknown.code, 5, "{unknown:?}");
    assert!(unknown.err.contains("there is hooks"), "{unknown:?}");

    let listed = watched.phoenix(&["channels"]).await;
    assert!(listed.out.contains("hooks") && listed.out.contains("webhook"), "{listed:?}");
    assert!(!listed.out.contains("whsec_"), "{listed:?}");
    let ours = watched.phoenix(&["channels", "forget", "hooks"]).await;
    assert!(ours.err.contains("take it out there"), "{ours:?}");

    monitor.ask_to_end();
    assert!(monitor.ended().await.success());
    let _without = watched.monitor_with("without", &[]);
    watched.until_done(&["channels", "forget", "hooks"]).await;
    let listed = watched.phoenix(&["channels"]).await;
    assert!(listed.err.contains("there is no channel: nobody is called"), "{listed:?}");
}

#[tokio::test]
async fn a_file_that_others_can_read_is_refused_before_anything_begins() {
    let watched = Watched::new().await;
    let hook = Hook::new().await;
    let file = channels_file(&watched, hook.at);
    let secret = watched.folder.path().join("whsec");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();

    let mut monitor = watched.monitor_with("refused", &["--channels", &file]);

    assert!(!monitor.ended().await.success());
    let said = monitor.log();
    assert!(said.contains("`chmod 6") && said.contains(&secret.display().to_string()), "{said}");
}
