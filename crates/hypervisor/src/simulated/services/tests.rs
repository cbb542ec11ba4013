//! Tests over real connections.

use std::path::Path;
use std::sync::Arc;

use phoenix_domain::{Change, GuestSpec};
use phoenix_testkit::guest;
use tempfile::tempdir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::simulated::{Broken, Cure, Effects, Simulated, admin, init};
use crate::{Hand, Hypervisor as _};

/// Asks a service, and returns the status and the body.
async fn ask(url: &str, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.ok()?;
    let length = body.len();
    let question = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(question.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

async fn get(url: &str, path: &str) -> Option<(u16, String)> {
    ask(url, "GET", path, "").await
}

async fn make(host: &Simulated, want: &GuestSpec) {
    let create = Change::Create {
        origin: want.origin.clone(),
        root_disk: want.root_disk.clone(),
        unprivileged: Some(true),
        properties: Vec::new(),
    };
    let install =
        want.features.iter().map(|feature| Change::InstallFeature { feature: feature.clone() });
    let serve = want.server().map(|feature| Change::SetUpService { feature });
    for change in [create, Change::Start].into_iter().chain(install).chain(serve) {
        host.apply(want, &change, &Hand::default()).await.unwrap();
    }
}

/// Waits until so many services answer, and returns their addresses.
async fn urls(dir: &Path, count: usize) -> BTreeMap<String, String> {
    for _ in 0..500 {
        let urls = admin::services(dir).unwrap();
        let urls: BTreeMap<_, _> = urls.into_values().flatten().collect();
        if urls.len() == count {
            return urls;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("there never were {count} services");
}

/// Waits until a question is answered in a way.
async fn until(url: &str, path: &str, is_it: impl Fn(&Option<(u16, String)>) -> bool) {
    for _ in 0..100 {
        let answer = timeout(Duration::from_millis(100), get(url, path)).await.unwrap_or(None);
        if is_it(&answer) {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("{path} never answered so");
}

#[tokio::test]
async fn services_answer_follow_their_guest_and_end() {
    let dir = tempdir().unwrap();
    let dir = dir.path();
    init(dir, &Settings::instant()).unwrap();
    let host = Arc::new(Simulated::open(dir, Effects::InProcess).unwrap());
    let end = CancellationToken::new();
    let serving = tokio::spawn(Arc::clone(&host).serve(end.clone().cancelled_owned()));
    let want =
        guest(950).features(&["docker", "nginx", "ollama", "qdrant", "vllm"]).model("qwen").build();
    let key = GuestKey::from(&want);
    make(&host, &want).await;

    let urls = urls(dir, 4).await;
    let (vllm, qdrant) = (&urls["vllm"], &urls["qdrant"]);
    assert_eq!(get(vllm, "/health").await, Some((200, String::new())));
    assert!(get(vllm, "/v1/models").await.unwrap().1.contains("\"id\":\"qwen\""));
    let before = get(vllm, "/metrics").await.unwrap().1;
    let one = r#"{"model":"qwen","prompt":"ping","max_tokens":1}"#;
    assert_eq!(ask(vllm, "POST", "/v1/completions", one).await.unwrap().0, 200);
    assert_ne!(get(vllm, "/metrics").await.unwrap().1, before, "it has made progress");
    let other = r#"{"model":"nope","prompt":"ping"}"#;
    assert_eq!(ask(vllm, "POST", "/v1/completions", other).await.unwrap().0, 404);
    assert_eq!(get(qdrant, "/readyz").await, Some((200, "all shards are ready".to_owned())));
    assert!(get(qdrant, "/collections").await.unwrap().1.contains("documents"));
    assert!(get(&urls["ollama"], "/api/tags").await.unwrap().1.contains("llama3.2"));
    assert_eq!(get(&urls["nginx"], "/").await.unwrap().0, 200);

    let sick = |how| Broken { how, until: Cure::Hand };
    let unknown = admin::break_service(dir, key, "redis", sick(Sickness::Hang)).unwrap_err();
    assert!(unknown.to_string().contains("it does not serve redis, but nginx, "), "{unknown}");
    admin::break_service(dir, key, "vllm", sick(Sickness::Unavailable)).unwrap();
    until(vllm, "/health", |answer| matches!(answer, Some((503, _)))).await;
    admin::break_service(dir, key, "vllm", sick(Sickness::Hang)).unwrap();
    until(vllm, "/health", Option::is_none).await;
    admin::break_service(dir, key, "vllm", sick(Sickness::Stall)).unwrap();
    until(vllm, "/health", |answer| matches!(answer, Some((200, _)))).await;
    let stalled = ask(vllm, "POST", "/v1/completions", one);
    assert!(timeout(Duration::from_millis(300), stalled).await.is_err());
    admin::break_service(dir, key, "qdrant", sick(Sickness::Empty)).unwrap();
    until(qdrant, "/collections", |answer| {
        answer.as_ref().is_some_and(|(status, body)| *status == 200 && body.contains("[]"))
    })
    .await;
    admin::mend(dir, key, None).unwrap();
    until(qdrant, "/collections/documents", |answer| matches!(answer, Some((200, _)))).await;

    admin::break_service(dir, key, "vllm", sick(Sickness::Refuse)).unwrap();
    until(vllm, "/health", Option::is_none).await;
    assert!(!self::urls(dir, 3).await.contains_key("vllm"));
    admin::mend(dir, key, Some("vllm")).unwrap();
    assert_eq!(self::urls(dir, 4).await, urls, "a service comes back where it was");

    admin::stop(dir, key).unwrap();
    self::urls(dir, 0).await;
    until(vllm, "/health", Option::is_none).await;
    admin::start(dir, key).unwrap();
    let again = self::urls(dir, 4).await;

    end.cancel();
    serving.await.unwrap().unwrap();
    assert!(admin::services(dir).unwrap().is_empty());
    assert_eq!(get(&again["vllm"], "/health").await, None);
}
