//! The plain way: `/health` every ten seconds, and a restart after three failures in a row.

use std::time::Duration;

use phoenix_domain::health::Rung;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::fault::{Fault, Plain};
use super::row::Done;
use super::stage::Stage;

/// How long an answer is waited for.
const ANSWER: Duration = Duration::from_secs(5);
/// So many failures in a row are one too many.
const FAILURES: u32 = 3;

pub(crate) async fn play(fault: &Fault) -> Done {
    let mut stage = Stage::set(fault).await;
    let mut done = Done::default();
    let mut failed = vec![0; fault.guests];
    while stage.next().await {
        for (nth, failed) in failed.iter_mut().enumerate() {
            let port = stage.port(nth);
            let check = timeout(ANSWER, check(port, fault.service.plain));
            let passes = stage.ask(nth, check).await.unwrap_or_default();
            *failed = if passes { 0 } else { *failed + 1 };
            if *failed < FAILURES {
                continue;
            }
            *failed = 0;
            done.found.get_or_insert_with(|| (stage.seconds(), "check failed".to_owned()));
            done.repairs.push(Rung::Service);
            stage.repair(nth, Rung::Service).await;
        }
    }
    done
}

async fn check(port: u16, plain: Plain) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else { return false };
    let Plain::Get(path) = plain else { return true };
    let question = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
    if stream.write_all(question.as_bytes()).await.is_err() {
        return false;
    }
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.is_ok() && matches!(&head[9..], b"200" | b"204")
}
