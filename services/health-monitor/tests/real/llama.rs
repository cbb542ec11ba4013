//! The server of llama.cpp.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use phoenix_domain::health::{Ask, Found, Reason, Silence};
use rustix::process::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::asking::Asking;
use crate::server::{self, Server};

const PORT: u16 = 8080;
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/llama.py");

/// Starts one with a model of this many numbers in a row, and this many layers; without, there is none.
fn start(model: Option<(u32, u32)>) -> (Server, IpAddr) {
    let (at, folder) = (server::address(), server::folder());
    if let Some((width, layers)) = model {
        let mut write = server::python();
        write.args([SCRIPT, "write"]).arg(folder.path().join("own.gguf"));
        write.args([width.to_string(), layers.to_string()]);
        let written = write.output().unwrap();
        assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    }
    let mut serve = server::python();
    serve.args([SCRIPT, "serve", "own.gguf", &at.to_string(), &PORT.to_string()]);
    assert!(Path::new(SCRIPT).is_file());
    (Server::start(serve, folder), at)
}

fn probe(at: IpAddr, model: &str) -> Asking {
    Asking::new(at, Ask::LlamaCpp { port: PORT, model: Some(model.into()) })
}

#[tokio::test]
async fn a_llama_comes_up_is_stopped_and_is_killed() {
    let (mut llama, at) = start(Some((512, 4)));
    let mut own = probe(at, "own.gguf");

    let before = own.until_found(Found::Serving).await;
    let on_its_way = [Found::Silent(Silence::Refused), Found::Loading];
    assert!(before.iter().all(|found| on_its_way.contains(found)), "{before:?}");
    let reading = own.read().await;
    // The token that was asked for has been counted.
    assert!(reading.progress.is_some_and(|progress| progress.done > 0), "{reading:?}");
    let other = probe(at, "other.gguf").read().await;
    assert_eq!(other.found, Found::Worse(Reason::WrongModel), "{other:?}");

    llama.stop();
    assert_eq!(own.read_soon().await.found, Found::Silent(Silence::TimedOut));
    llama.signal(Signal::CONT);
    assert_eq!(own.read().await.found, Found::Serving);

    llama.kill();
    assert_eq!(own.read().await.found, Found::Silent(Silence::Refused));
}

#[tokio::test]
async fn a_llama_without_its_model_ends_and_is_refused() {
    let (mut llama, at) = start(None);

    assert!(!llama.ended());

    assert_eq!(probe(at, "own.gguf").read().await.found, Found::Silent(Silence::Refused));
}

#[tokio::test]
async fn a_busy_llama_is_busy_and_never_failed() {
    let (_llama, at) = start(Some((128, 4)));
    let mut own = probe(at, "own.gguf");
    own.until_found(Found::Serving).await;

    let is_enough = Arc::new(AtomicBool::new(false));
    let mut load = JoinSet::new();
    for _ in 0..20 {
        load.spawn(keep_busy(at, Arc::clone(&is_enough)));
    }
    let (first, _) = own.until(|reading| reading.found == Found::Worse(Reason::Saturated)).await;
    let before = first.progress.unwrap().done;
    let has_moved = |done: u64| done > before;
    let (last, mut found) =
        own.until(|reading| reading.progress.is_some_and(|now| has_moved(now.done))).await;
    found.push(last.found);
    for found in found {
        let is_well = matches!(found, Found::Serving | Found::Worse(Reason::Saturated));
        assert!(is_well, "{found:?}");
    }

    is_enough.store(true, Ordering::Relaxed);
    while let Some(statuses) = timeout(Duration::from_secs(30), load.join_next()).await.unwrap() {
        // What others asked for was not disturbed.
        let statuses = statuses.unwrap();
        assert!(statuses.iter().all(|status| status == "HTTP/1.1 200 OK"), "{statuses:?}");
    }
    own.until_found(Found::Serving).await;
}

/// Asks for many tokens again and again; returns how that was answered.
async fn keep_busy(at: IpAddr, is_enough: Arc<AtomicBool>) -> Vec<String> {
    let mut statuses = Vec::new();
    while !is_enough.load(Ordering::Relaxed) {
        statuses.push(complete(at).await);
    }
    statuses
}

/// Asks for many tokens; returns how it was answered.
async fn complete(at: IpAddr) -> String {
    let wish = r#"{"prompt":"hello","max_tokens":50,"temperature":0,"ignore_eos":true}"#;
    let mut stream = TcpStream::connect((at, PORT)).await.unwrap();
    let head = format!(
        "POST /v1/completions HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{wish}",
        wish.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    answer.lines().next().unwrap_or_default().to_owned()
}
