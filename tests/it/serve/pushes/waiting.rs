//! What waits for a window.

use chrono::{Datelike as _, TimeDelta, Utc};
use serde_json::{Value, json};

use super::forge::{Forge, Statuses, tell};
use super::{all_asked, said, until};
use crate::verbs::site::Site;

/// Returns a window that is closed now, and for a day at least.
pub(super) fn closed() -> Value {
    let day = (Utc::now() + TimeDelta::days(3)).weekday().to_string().to_lowercase();
    json!({ "days": [day] })
}

#[tokio::test]
async fn a_commit_waits_for_its_window_whoever_serves_and_is_deployed_once_that_is_open() {
    let (site, _worker) = Site::complete().await;
    let (forge, _) = Forge::new(&site);
    let mut statuses = Statuses::start("127.0.0.1:0").await;
    let status = forge.status(&statuses.url);
    let nights = json!({ "status": status, "window": closed() });
    let mut first = forge.served(&site, &nights, &json!([])).await;
    site.write(768, 20);
    let overtaken = forge.push_site(&site);
    tell(&first, "d-1", &overtaken).await;
    let told = statuses.until(&overtaken, "pending").await;
    assert!(told.body["description"].as_str().unwrap().starts_with("waits until "), "{told:?}");
    site.write(1024, 20);
    let commit = forge.push_site(&site);
    tell(&first, "d-2", &commit).await;

    statuses.until(&commit, "pending").await;
    let listed = until(&site, "d-2", "waits").await;
    first.server.kill();
    let mut second = forge.served(&site, &nights, &json!([])).await;
    let (code, _) = tell(&second, "d-2", &commit).await;

    assert_eq!(code, 200, "it is known, and waits");
    let until_then = until(&site, "d-2", "waits").await;
    assert_eq!(until_then["became"][0]["until"], listed["became"][0]["until"]);
    assert!(said(&until_then).starts_with("waits until "), "{until_then}");
    assert_eq!(all_asked(&site).await, [1, 1, 1, 1]);
    second.server.kill();
    // Somebody has opened it.
    let open = json!({ "status": status });
    let _third = forge.served(&site, &open, &json!([])).await;
    until(&site, "d-1", "run").await;
    statuses.until(&commit, "success").await;
    site.until_complete(950, 2).await;
    assert_eq!(all_asked(&site).await, [1, 1, 1, 2]);
}

#[tokio::test]
async fn a_commit_that_was_overtaken_while_it_waited_waits_no_more() {
    let (site, _worker) = Site::complete().await;
    let (forge, _) = Forge::new(&site);
    let mut statuses = Statuses::start("127.0.0.1:0").await;
    let status = forge.status(&statuses.url);
    let mut first =
        forge.served(&site, &json!({ "status": status, "window": closed() }), &json!([])).await;
    site.write(768, 20);
    let overtaken = forge.push_site(&site);
    tell(&first, "d-1", &overtaken).await;
    statuses.until(&overtaken, "pending").await;
    first.server.kill();
    site.write(1024, 20);
    let commit = forge.push_site(&site);

    let _second = forge.served(&site, &json!({ "status": status }), &json!([])).await;

    let told = statuses.until(&overtaken, "success").await;
    let place = format!("{} took its place", &commit[..12]);
    assert_eq!(told.body["description"], place.as_str());
}

#[tokio::test]
async fn a_rule_waits_for_its_window_and_is_done_once_that_is_open() {
    let (site, _worker) = Site::complete().await;
    let (forge, commit) = Forge::new(&site);
    let rule = |branch: &str, window: Value| {
        json!([{
            "repository": "github.com/acme/fleet", "branch": branch, "guests": [950],
            "action": "restart", "window": window,
        }])
    };
    let elsewhere = json!({ "branch": "other" });
    let mut first = forge.served(&site, &elsewhere, &rule("main", closed())).await;

    let (code, answer) = tell(&first, "d-1", &commit).await;

    assert_eq!(code, 202, "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let run = answer["waits"][0]["run"].clone();
    let listed = until(&site, "d-1", "waits").await;
    assert_eq!(listed["became"][0]["run"], run, "{listed}");
    assert_eq!(all_asked(&site).await, [1, 1, 1, 1]);
    first.server.kill();
    // The time at which it opens has come: what stands there has a window that is open.
    let note = json!({
        "source": "forge", "id": "d-1", "at": listed["time"], "window": {},
        "errand": { "run": run, "by": "ann by forge", "actions": { "950": "restart" } },
    });
    let key = format!("$KV.phoenix-pushes.main.later.{}", run.as_str().unwrap());
    site.inner.server.publish(&key, note.to_string());
    let _second = forge.served(&site, &elsewhere, &rule("other", json!({}))).await;
    let listed = until(&site, "d-1", "run").await;
    assert_eq!(listed["became"][0]["run"], run);
    site.until_complete(950, 2).await;
    assert_eq!(all_asked(&site).await, [1, 1, 1, 2]);
}
