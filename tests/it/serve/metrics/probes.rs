//! What a supervisor is told.

#![expect(clippy::indexing_slicing, reason = "a broken fixture should stop the test")]

use serde_json::{Value, json};

use super::super::{PATIENCE, Served, door};
use super::{POLL, metrics, samples, value};
use crate::verbs::site::Site;

async fn readiness(served: &Served) -> (bool, Value) {
    let answer = served.get("/readyz?verbose").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let told: Value = serde_json::from_str(body).unwrap();
    assert_eq!(head.starts_with("HTTP/1.1 200 "), told["ready"] == true, "{answer}");
    assert_eq!(head.starts_with("HTTP/1.1 503 "), told["ready"] == false, "{answer}");
    (told["ready"] == true, told["checks"].clone())
}

async fn until(served: &Served, ready: bool) -> Value {
    let asked = async {
        loop {
            let (is_ready, checks) = readiness(served).await;
            if is_ready == ready {
                break checks;
            }
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("it is so some time")
}

#[tokio::test]
async fn a_server_without_nats_lives_and_is_not_ready_until_it_has_looked_again() {
    let mut site = Site::new().await;
    let served = Served::at(&site, "127.0.0.1:0").await;
    let ready = json!({ "nats": true, "log": true, "look": true });
    assert_eq!(until(&served, true).await, ready);

    site.inner.server.kill();

    assert_eq!(until(&served, false).await["nats"], false);
    assert!(served.get("/readyz").await.ends_with("\r\n\r\nNATS is not there\n"));
    assert!(served.get("/livez").await.starts_with("HTTP/1.1 200 "));
    let (_, text) = metrics(&served, "").await;
    assert_eq!(value(&samples(&text), "phoenix_nats_connected", &[]), Some(0.0));
    site.inner.server.restart();
    assert_eq!(until(&served, true).await, ready);
    let (_, text) = metrics(&served, "").await;
    let told = samples(&text);
    assert_eq!(value(&told, "phoenix_nats_connected", &[]), Some(1.0));
    assert!(value(&told, "phoenix_nats_reconnects_total", &[]) >= Some(1.0), "{text}");
}

#[tokio::test]
async fn who_supervises_reads_without_signing_in_and_by_no_name_that_is_not_ours() {
    let (site, _worker) = Site::complete().await;
    let token = door::token(&site);
    let more = ["--token-file", token.to_str().unwrap()];
    let served = Served::with(&site, "0.0.0.0:0", &more).await;

    for path in ["/metrics", "/livez", "/readyz"] {
        let answer = served.get(path).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
    }
    assert!(served.get("/api/v1/state").await.starts_with("HTTP/1.1 401 "));
    let near = Served::at(&site, "127.0.0.1:0").await;
    for path in ["/metrics", "/livez", "/readyz"] {
        let answer = near.ask(path, "evil.example").await;
        assert!(answer.starts_with("HTTP/1.1 421 "), "{path}: {answer}");
    }
}
