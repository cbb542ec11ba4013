//! The same question by the client of a library, hyper: what the few lines of our own are measured by.
//! It has no schedule and judges nothing, so it is ahead by that.

use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::targets::Targets;
use super::{Row, process};

/// How often each connection is used.
const ROUNDS: u32 = 5;

pub(crate) fn measure(targets: &Targets, endpoints: u32) -> Row {
    process::forget_peak();
    let me = std::process::id();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut lines = Vec::new();
        for _ in 0..endpoints {
            let stream = TcpStream::connect(("127.0.0.1", targets.page)).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (line, connection) = handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            lines.push(line);
        }
        ask(&mut lines).await;
        let (before, begun) = (process::cpu(me), Instant::now());
        for _ in 0..ROUNDS {
            ask(&mut lines).await;
        }
        let asked = f64::from(ROUNDS * endpoints);
        let cpu = (process::cpu(me) - before) / asked * 10_000.0;
        let rate = Some(asked / begun.elapsed().as_secs_f64());
        let mib = process::peak(me);
        Row { name: "hyper, a page, one after the other".into(), cpu, rate, mib, late: None }
    })
}

async fn ask(lines: &mut [SendRequest<Empty<Bytes>>]) {
    for line in lines {
        let question = Request::get("/healthz").header("host", "127.0.0.1");
        let question = question.body(Empty::new()).unwrap();
        line.ready().await.unwrap();
        let answer = line.send_request(question).await.unwrap();
        assert_eq!(answer.status(), 200);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(!body.is_empty());
    }
}
