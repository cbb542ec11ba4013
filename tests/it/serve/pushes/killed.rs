//! Whoever is killed in between: what was accepted is done, once.

use phoenix_domain::EventKind;
use serde_json::json;

use super::forge::{Forge, Statuses, tell};
use super::{all_asked, said, until};
use crate::survive::site::lxc;
use crate::verbs::site::Site;

#[tokio::test]
async fn a_server_that_is_killed_once_it_has_accepted_is_followed_by_one_that_asks_once() {
    let (site, _worker) = Site::complete().await;
    let (forge, _) = Forge::new(&site);
    let mut first = forge.served(&site, &json!({}), &json!([])).await;
    site.write(1024, 20);
    let commit = forge.push_site(&site);

    let (code, answer) = tell(&first, "d-1", &commit).await;
    first.server.kill();

    assert_eq!(code, 202, "{answer}");
    assert_eq!(all_asked(&site).await, [1, 1, 1, 1], "it was killed before");
    let second = forge.served(&site, &json!({}), &json!([])).await;
    let (code, _) = tell(&second, "d-1", &commit).await;
    assert_eq!(code, 200, "it is known");
    until(&site, "d-1", "run").await;
    site.until_complete(950, 2).await;
    assert_eq!(all_asked(&site).await, [1, 1, 1, 2]);
}

#[tokio::test]
async fn a_server_that_is_killed_once_it_has_asked_is_followed_by_one_that_notes_the_same_run() {
    let (site, _worker) = Site::complete().await;
    let (forge, _) = Forge::new(&site);
    let mut first = forge.served(&site, &json!({}), &json!([])).await;
    site.write(1024, 20);
    let commit = forge.push_site(&site);
    tell(&first, "d-1", &commit).await;
    let asked = site
        .inner
        .until_told("it is asked for", |event| {
            let is_second = event.state.desired.revision == 2;
            is_second && event.state.guest == lxc(950) && event.fact.kind() == EventKind::Requested
        })
        .await;
    first.server.kill();
    // As if it had been killed before it noted anything: what it wanted stands there still.
    let mut statuses = Statuses::start("127.0.0.1:0").await;
    let note = json!({
        "about": "github.com/acme/fleet branch main prod",
        "told": [{ "id": "d-1", "at": "2026-11-22T19:00:00Z", "commit": commit, "by": "ann" }],
    });
    site.inner.server.publish("$KV.phoenix-pushes.main.fleet.forge", note.to_string());

    let status = json!({ "status": forge.status(&statuses.url) });
    let _second = forge.served(&site, &status, &json!([])).await;

    let told = statuses.until(&commit, "success").await;
    assert_eq!(told.body["description"], "1 guest as wanted");
    let listed = until(&site, "d-1", "run").await;
    assert!(said(&listed).contains(asked.state.desired.run.as_str()), "{listed}");
    assert_eq!(all_asked(&site).await, [1, 1, 1, 2]);
}

#[tokio::test]
async fn a_server_that_is_killed_while_it_reads_or_asks_is_followed_by_one_that_goes_on() {
    let (site, _worker) = Site::complete().await;
    let (forge, _) = Forge::new(&site);
    let mut statuses = Statuses::start("127.0.0.1:0").await;
    let status = json!({ "status": forge.status(&statuses.url) });
    let mut server = forge.served(&site, &status, &json!([])).await;

    site.write(768, 20);
    let first = forge.push_site(&site);
    tell(&server, "d-1", &first).await;
    statuses.until(&first, "pending").await;
    server.server.kill();
    server = forge.served(&site, &status, &json!([])).await;
    statuses.until(&first, "success").await;
    site.write(1024, 20);
    let second = forge.push_site(&site);
    tell(&server, "d-2", &second).await;
    let is_asked = |event: &phoenix_domain::Event| {
        event.state.guest == lxc(950) && event.state.desired.revision == 3
    };
    site.inner.until_told("it is asked for", is_asked).await;
    server.server.kill();
    let _server = forge.served(&site, &status, &json!([])).await;
    statuses.until(&second, "success").await;

    until(&site, "d-1", "run").await;
    until(&site, "d-2", "run").await;
    assert_eq!(all_asked(&site).await, [1, 1, 1, 3]);
}

#[tokio::test]
async fn a_copy_that_git_was_killed_in_the_middle_of_is_made_anew() {
    let (site, _worker) = Site::complete().await;
    let (forge, old) = Forge::new(&site);
    let served = forge.served(&site, &json!({}), &json!([])).await;
    tell(&served, "d-1", &old).await;
    until(&site, "d-1", "nothing-to-do").await;
    let copy = forge.file("state/fleet/forge/copy.git");
    std::fs::write(copy.join("refs/heads/main.lock"), "").unwrap();
    site.write(1024, 20);
    let commit = forge.push_site(&site);

    tell(&served, "d-2", &commit).await;

    until(&site, "d-2", "run").await;
    std::fs::write(copy.join("HEAD"), "").unwrap();
    tell(&served, "d-3", &commit).await;
    until(&site, "d-3", "nothing-to-do").await;
}

#[tokio::test]
async fn a_server_whose_nats_goes_away_in_between_asks_once_it_is_back() {
    let (mut site, mut worker) = Site::complete().await;
    let (forge, _) = Forge::new(&site);
    let served = forge.served(&site, &json!({}), &json!([])).await;
    site.write(1024, 20);
    let commit = forge.push_site(&site);
    let (code, answer) = tell(&served, "d-1", &commit).await;
    assert_eq!(code, 202, "{answer}");
    worker.kill();
    site.inner.server.kill();

    let (code, _) = tell(&served, "d-2", &commit).await;

    assert_eq!(code, 503, "nothing can be stored");
    let log = || served.server.log();
    site.inner.poll("it says so", || log().contains("it is tried again")).await;
    site.inner.server.restart();
    let _worker = site.worker();
    site.until_complete(950, 2).await;
    until(&site, "d-1", "run").await;
    assert_eq!(all_asked(&site).await, [1, 1, 1, 2]);
}

#[tokio::test]
async fn a_forge_that_was_away_is_told_by_whoever_serves_next() {
    let (site, _worker) = Site::complete().await;
    let (forge, _) = Forge::new(&site);
    let away = Statuses::start("127.0.0.1:0").await;
    let url = away.url.clone();
    drop(away);
    let status = json!({ "status": forge.status(&url) });
    let mut first = forge.served(&site, &status, &json!([])).await;
    site.write(1024, 20);
    let commit = forge.push_site(&site);
    tell(&first, "d-1", &commit).await;
    site.until_complete(950, 2).await;
    site.inner.poll("it says so", || first.server.log().contains("as wanted")).await;
    assert!(first.server.log().contains("the forge cannot be told"), "{}", first.server.log());
    first.server.kill();

    let mut back = Statuses::start(url.strip_prefix("http://").unwrap()).await;
    let _second = forge.served(&site, &status, &json!([])).await;

    let told = back.next().await;
    assert_eq!(told.body["state"], "success", "the last it came to: {told:?}");
    assert!(told.head.contains(&commit), "{told:?}");
}
