//! Webhooks, as forges send them, against the running server.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use phoenix_bus::Became;
use phoenix_domain::{Event, EventKind, Goal, Repair, Standing};
use phoenix_testkit::forge::SECRET;
use phoenix_testkit::host::{Fault, FaultKind};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Served;
use crate::survive::site::{States, lxc};
use crate::verbs::site::Site;

/// What GitHub would send, and how it would sign that with the secret.
pub(crate) const PUSH: &str = include_str!("../../../crates/hooks/tests/payloads/github-push.json");
pub(crate) const SIGNATURE: &str =
    "03986589763f040606f196fbf8927725f56598e43a4d577ec4c02e17f277d0f5";

/// A file about webhooks, with the secret of its source.
pub(crate) fn hooks(folder: &TempDir, rules: &str) -> PathBuf {
    let secret = folder.path().join("forge.secret");
    fs::write(&secret, SECRET).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let file = folder.path().join("hooks.json");
    let sources = format!(
        r#"{{ "forge": {{ "provider": "github", "secret_files": ["{}"] }} }}"#,
        secret.display()
    );
    fs::write(&file, format!(r#"{{ "sources": {sources}, "rules": [{rules}] }}"#)).unwrap();
    file
}

/// A rule about a guest.
pub(crate) fn rule(guest: u64, branch: &str, action: &str) -> String {
    format!(
        r#"{{ "repository": "github.com/acme/fleet", "branch": "{branch}", "guests": [{guest}], "action": "{action}" }}"#
    )
}

/// Sends a delivery, and returns the status and what is said.
pub(super) async fn deliver(
    served: &Served,
    source: &str,
    id: &str,
    signature: &str,
    body: &str,
) -> (u16, String) {
    deliver_to(&served.at, source, id, signature, body).await
}

/// The same, to who listens there.
pub(crate) async fn deliver_to(
    at: &str,
    source: &str,
    id: &str,
    signature: &str,
    body: &str,
) -> (u16, String) {
    deliver_with(at, source, id, signature, "", body).await
}

/// The same with more headers.
pub(crate) async fn deliver_with(
    at: &str,
    source: &str,
    id: &str,
    signature: &str,
    headers: &str,
    body: &str,
) -> (u16, String) {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let head = format!(
        "POST /hooks/v1/{source} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\nContent-Length: {}\r\n\
         Content-Type: application/json\r\nX-GitHub-Event: push\r\nX-GitHub-Delivery: {id}\r\n\
         X-Hub-Signature-256: sha256={signature}\r\n{headers}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // One that is not read to its end is answered all the same.
    stream.write_all(body.as_bytes()).await.ok();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, said) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), said.to_owned())
}

pub(crate) async fn served(site: &Site, folder: &TempDir, rules: &str) -> Served {
    let file = hooks(folder, rules);
    let config = site.folder();
    let more = ["--hooks", file.to_str().unwrap(), "--config", config.to_str().unwrap()];
    Served::with(site, "127.0.0.1:0", &more).await
}

pub(super) async fn asked(site: &Site, vmid: u64) -> usize {
    let history = site.inner.bus.history(lxc(vmid)).await.unwrap();
    history.iter().filter(|(_, event)| event.fact.kind() == EventKind::Requested).count()
}

#[tokio::test]
async fn a_push_redeploys_what_it_is_about_once_however_often_it_is_told() {
    let (site, _worker) = Site::complete().await;
    let folder = TempDir::new().unwrap();
    let mut first = served(&site, &folder, &rule(950, "main", "redeploy")).await;
    site.write(1024, 20);

    let (status, said) = deliver(&first, "forge", "d-1", SIGNATURE, PUSH).await;

    assert_eq!(status, 202, "{said}");
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(told["guests"], serde_json::json!([950]), "{told}");
    site.until_complete(950, 2).await;
    first.server.kill();
    let second = served(&site, &folder, &rule(950, "main", "redeploy")).await;
    let (status, said) = deliver(&second, "forge", "d-1", SIGNATURE, PUSH).await;
    assert_eq!(status, 200, "{said}");
    assert!(
        said.contains("duplicate") && said.contains(told["runs"][0].as_str().unwrap()),
        "{said}"
    );
    assert_eq!((asked(&site, 950).await, asked(&site, 900).await), (2, 1));
    let own = site.json(&["deliveries", "--source", "forge"]).await;
    assert_eq!(own["deliveries"].as_array().map(Vec::len), Some(1), "{own}");
    let other = site.phoenix(&["deliveries", "--source", "model"]).await;
    assert_eq!(other.code, 5, "{other:?}");
    assert!(other.err.contains("no webhook of a source model"), "{other:?}");
    assert!(other.err.contains("hint: there is forge"), "{other:?}");
}

#[tokio::test]
async fn a_push_that_restarts_does_so_and_one_about_nothing_does_nothing() {
    let (site, _worker) = Site::complete().await;
    let folder = TempDir::new().unwrap();
    let rules = [rule(950, "main", "restart"), rule(953, "release/*", "restart")].join(",");
    let served = served(&site, &folder, &rules).await;

    let (status, said) = deliver(&served, "forge", "d-2", SIGNATURE, PUSH).await;

    assert_eq!(status, 202, "{said}");
    site.until_complete(950, 2).await;
    assert_eq!((asked(&site, 950).await, asked(&site, 953).await), (2, 1));
}

#[tokio::test]
async fn a_push_sets_up_anew_what_it_may_and_makes_nothing_again_that_would_be_lost() {
    let (site, _worker) = Site::complete().await;
    let folder = TempDir::new().unwrap();
    let rules = [rule(953, "main", "reapply"), rule(950, "main", "recreate")].join(",");
    let served = served(&site, &folder, &rules).await;

    let (status, said) = deliver(&served, "forge", "d-5", SIGNATURE, PUSH).await;

    assert_eq!(status, 202, "{said}");
    site.until_complete(953, 2).await;
    let history = site.inner.bus.history(lxc(953)).await.unwrap();
    let goal = history.last().unwrap().1.state.desired.goal;
    assert_eq!(goal, Goal::Repaired { by: Repair::Application });
    // Its file does not say that nothing is lost with it, so somebody is asked.
    let asks = |states: &States| {
        let standing = states.get(&lxc(950)).map(|record| &record.work.standing);
        matches!(standing, Some(Standing::Blocked { .. }))
    };
    site.inner.until("somebody is asked", asks).await;
    assert_eq!(site.inner.host.begun(lxc(950), "set-aside"), 0);
}

#[tokio::test]
async fn a_delivery_whose_server_was_killed_before_it_noted_it_restarts_nothing_again() {
    let (site, _worker) = Site::complete().await;
    let folder = TempDir::new().unwrap();
    let served = served(&site, &folder, &rule(950, "main", "restart")).await;
    let (status, first) = deliver(&served, "forge", "d-9", SIGNATURE, PUSH).await;
    assert_eq!(status, 202, "{first}");
    site.until_complete(950, 2).await;
    // As if nothing had been noted: what stands there is no note.
    site.inner.server.publish("$KV.phoenix-deliveries.main.forge.d-9", "lost");

    let (status, again) = deliver(&served, "forge", "d-9", SIGNATURE, PUSH).await;

    assert_eq!(status, 202, "{again}");
    let run = |said: &str| serde_json::from_str::<Value>(said).unwrap()["runs"][0].clone();
    assert_eq!((run(&again), asked(&site, 950).await), (run(&first), 2));
}

/// What a server leaves that takes a delivery and is killed before it asks for anything.
fn leave(site: &Site, id: &str, errand: &Value) {
    let now = chrono::Utc::now();
    let note = serde_json::json!({ "at": now, "became": [], "errand": errand }).to_string();
    site.inner.server.publish(&format!("$KV.phoenix-deliveries.main.forge.{id}"), note);
}

/// Waits until something became of a delivery, and returns what.
async fn became(site: &Site, id: &str) -> Vec<Became> {
    let forge = "forge".parse().unwrap();
    let settled = async {
        loop {
            let noted = site.inner.bus.delivery(&forge, id).await.unwrap().unwrap();
            if noted.errand.is_none() {
                return noted.became;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(super::PATIENCE, settled).await.expect("something became of it")
}

#[tokio::test]
async fn what_one_took_and_was_killed_before_it_asked_for_it_is_done_by_the_next_once() {
    let (site, _worker) = Site::complete().await;
    let folder = TempDir::new().unwrap();
    let errand =
        |run| serde_json::json!({ "run": run, "by": "ann", "actions": { "950": "restart" } });
    leave(&site, "d-1", &errand("r-0001"));

    let first = served(&site, &folder, &rule(950, "main", "restart")).await;

    assert!(matches!(&became(&site, "d-1").await[..], [Became::Run { .. }]));
    site.until_complete(950, 2).await;
    // Somebody asks for the same since, so that the last run is another one; and it is as if the server had
    // been killed before it could say that it has asked.
    site.ok(&["restart", "950"]).await;
    site.until_complete(950, 3).await;
    drop(first);
    leave(&site, "d-1", &errand("r-0001"));
    let _second = served(&site, &folder, &rule(950, "main", "restart")).await;

    assert!(matches!(&became(&site, "d-1").await[..], [Became::Run { .. }]));
    assert_eq!(asked(&site, 950).await, 3);
}

#[tokio::test]
async fn what_is_about_a_guest_that_nobody_knows_says_so_among_the_deliveries() {
    let (site, _worker) = Site::complete().await;
    let folder = TempDir::new().unwrap();
    let served = served(&site, &folder, &rule(777, "main", "restart")).await;

    let (status, said) = deliver(&served, "forge", "d-1", SIGNATURE, PUSH).await;

    assert_eq!(status, 202, "{said}");
    let became = became(&site, "d-1").await;
    assert!(matches!(&became[..], [Became::Refused { why }] if why.contains("777")), "{became:?}");
    let listed = site.ok(&["deliveries"]).await;
    assert!(listed.out.contains("refused: ") && listed.out.contains("777"), "{listed:?}");
    let is_told = || served.server.log().contains("webhook of forge: cannot be done: ");
    site.inner.poll("the operator is told", is_told).await;
}

#[tokio::test]
async fn a_push_during_what_an_older_one_began_is_done_after_it() {
    let (site, _worker) = Site::complete().await;
    let folder = TempDir::new().unwrap();
    let served = served(&site, &folder, &rule(950, "main", "restart")).await;
    // It cannot be restarted until this is over, but it has begun to be.
    let locked = FaultKind::Locked { ms: None };
    let locked = Fault::new(locked).guest(lxc(950)).kind("restart").always();
    let locked = site.inner.host.fault(locked);

    let (status, said) = deliver(&served, "forge", "d-1", SIGNATURE, PUSH).await;
    assert_eq!(status, 202, "{said}");
    let is_begun = |event: &Event| event.fact.kind() == EventKind::RestartBegun;
    site.inner.until_told("the first one begins", is_begun).await;
    let (status, said) = deliver(&served, "forge", "d-2", SIGNATURE, PUSH).await;
    assert_eq!(status, 202, "{said}");

    assert!(matches!(&became(&site, "d-2").await[..], [Became::Run { .. }]));
    assert_eq!(asked(&site, 950).await, 3, "what was begun before knows nothing of it");
    site.inner.host.without_fault(locked);
    site.until_complete(950, 3).await;
}

#[tokio::test]
async fn who_shows_no_secret_is_not_heard_and_leaves_no_trace() {
    let (site, _worker) = Site::complete().await;
    let folder = TempDir::new().unwrap();
    let served = served(&site, &folder, &rule(950, "main", "restart")).await;
    let wrong = SIGNATURE.replace('0', "1");

    let forged = deliver(&served, "forge", "d-3", &wrong, PUSH).await;
    let unsigned = deliver(&served, "forge", "d-4", "", PUSH).await;
    let changed = deliver(&served, "forge", "d-5", SIGNATURE, &PUSH.replace("main", "evil")).await;
    let unknown = deliver(&served, "nobody", "d-6", SIGNATURE, PUSH).await;
    let odd = deliver(&served, "forge", "d.7", SIGNATURE, PUSH).await;

    for (status, said) in [&forged, &unsigned, &changed] {
        assert_eq!((*status, said.as_str()), (401, "not authorised\n"));
    }
    assert_eq!((unknown.0, odd.0), (404, 400), "{unknown:?} {odd:?}");
    assert_eq!(asked(&site, 950).await, 1);
    let told = served.server.log();
    assert!(told.contains("webhook of forge: refused: "), "{told}");
    assert!(!told.contains(SECRET) && !told.contains("refs/heads"), "{told}");
}

#[tokio::test]
async fn who_sends_too_much_waits_and_shuts_nobody_out_who_does_not_sign() {
    let site = Site::new().await;
    let folder = TempDir::new().unwrap();
    let file = hooks(&folder, &rule(953, "other", "restart"));
    let text = fs::read_to_string(&file).unwrap();
    let slow = text.replace(r#""provider""#, r#""per_second": 1, "provider""#);
    fs::write(&file, slow).unwrap();
    let served = Served::with(&site, "127.0.0.1:0", &["--hooks", file.to_str().unwrap()]).await;

    for nth in 0..20 {
        let (status, said) = deliver(&served, "forge", &format!("u-{nth}"), "00", PUSH).await;
        assert_eq!(status, 401, "{said}");
    }
    let (first, said) = deliver(&served, "forge", "d-0", SIGNATURE, PUSH).await;
    let mut last = first;
    for nth in 1..1000 {
        if last == 429 {
            break;
        }
        last = deliver(&served, "forge", &format!("d-{nth}"), SIGNATURE, PUSH).await.0;
    }

    assert_eq!((first, last), (200, 429), "{said}");
}

#[tokio::test]
async fn what_cannot_be_stored_is_not_accepted_and_is_taken_when_it_comes_again() {
    let (mut site, mut worker) = Site::complete().await;
    let folder = TempDir::new().unwrap();
    let served = served(&site, &folder, &rule(950, "main", "restart")).await;
    worker.kill();
    site.inner.server.kill();

    let (status, said) = deliver(&served, "forge", "d-8", SIGNATURE, PUSH).await;

    assert_eq!(status, 503, "{said}");
    site.inner.server.restart();
    let _worker = site.worker();
    let again = async {
        while deliver(&served, "forge", "d-8", SIGNATURE, PUSH).await.0 != 202 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(super::PATIENCE, again).await.expect("it is taken some time");
    site.until_complete(950, 2).await;
    assert_eq!(asked(&site, 950).await, 2);
}

/// What the host's file says of webhooks.
fn of_host(folder: &TempDir, action: &str) -> Value {
    let file = hooks(folder, &rule(950, "main", action));
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

#[tokio::test]
async fn what_the_configuration_says_of_webhooks_is_done_as_what_a_file_of_its_own_says() {
    let (site, _worker) = Site::complete().await;
    let folder = TempDir::new().unwrap();
    site.write_webhooks(&of_host(&folder, "restart"));
    let config = site.folder().to_str().unwrap().to_owned();
    site.ok(&["check", "--config", &config]).await;
    let served = Served::with(&site, "127.0.0.1:0", &["--config", &config]).await;

    let (status, said) = deliver(&served, "forge", "d-1", SIGNATURE, PUSH).await;

    assert_eq!(status, 202, "{said}");
    let schema = site.ok(&["schema", "webhooks"]).await;
    let schema: Value = serde_json::from_str(&schema.out).unwrap();
    assert!(schema["properties"]["sources"].is_object(), "{schema}");
    site.until_complete(950, 2).await;
    let file = folder.path().join("hooks.json");
    let both = ["--config", &config, "--hooks", file.to_str().unwrap()];
    let (code, said) = Served::refused(&site, &both).await;
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("described twice"), "{said}");
    assert!(said.contains("keep those in the configuration"), "{said}");
}

#[tokio::test]
async fn a_configuration_that_is_wrong_about_webhooks_is_told_by_its_line_and_serves_nobody() {
    let site = Site::new().await;
    let folder = TempDir::new().unwrap();
    site.write_webhooks(&of_host(&folder, "reboot"));
    let config = site.folder().to_str().unwrap().to_owned();

    let checked = site.phoenix(&["check", "--config", &config]).await;
    let (code, told) = Served::refused(&site, &["--config", &config]).await;

    assert_eq!((checked.code, code), (3, Some(3)), "{checked:?} {told}");
    for said in [&checked.out, &told] {
        assert!(said.contains("PHX0930") && said.contains("`reboot` is not an action"), "{said}");
        assert!(said.contains("phoenix_hypervisor_config.json:"), "{said}");
    }
    // What is wrong with something else keeps nobody from looking.
    let file = site.folder().join("phoenix_hypervisor_config.json");
    fs::write(&file, r#"{ "timezone": "nowhere at all" }"#).unwrap();
    let served = Served::with(&site, "127.0.0.1:0", &["--config", &config]).await;
    assert!(served.get("/livez").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_file_that_cannot_be_used_says_all_that_is_wrong_before_anything_is_served() {
    let site = Site::new().await;
    let folder = TempDir::new().unwrap();
    let file = hooks(&folder, &rule(950, "main", "reboot"));
    fs::write(folder.path().join("forge.secret"), "short").unwrap();

    let ended = site.phoenix(&["serve", "--hooks", file.to_str().unwrap()]).await;

    assert_eq!(ended.code, 3, "{ended:?}");
    for said in ["`sources.forge`", "16", "`rules[0].action`: `reboot` is not an action"] {
        assert!(ended.err.contains(said), "{said}: {ended:?}");
    }
    assert!(!ended.err.contains("short"), "{ended:?}");
}
