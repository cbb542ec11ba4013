//! Pushes of the configuration, with a real repository and real deliveries, against the running server.

mod approval;
mod brought;
mod forge;
mod killed;
mod order;
mod rules;
mod safely;
mod waiting;

use phoenix_testkit::host::{Fault, FaultKind};
use serde_json::{Value, json};

use self::forge::{Forge, Statuses, TOKEN, tell};
use super::PATIENCE;
use super::hooks::asked;
use crate::survive::site::lxc;
use crate::verbs::brought::write;
use crate::verbs::site::Site;

/// Waits until this is what became of a delivery, and returns all that did.
async fn until(site: &Site, id: &str, state: &str) -> Value {
    let found = async {
        loop {
            let listed = site.json(&["deliveries"]).await;
            let is_it = |one: &&Value| {
                one.get("id").is_some_and(|told| told == id)
                    && became(one).iter().any(|became| became.get("state").unwrap() == state)
            };
            let all = listed.get("deliveries").and_then(Value::as_array).unwrap();
            if let Some(one) = all.iter().find(is_it) {
                return one.clone();
            }
        }
    };
    tokio::time::timeout(PATIENCE, found).await.expect("it becomes so some time")
}

fn became(delivery: &Value) -> &[Value] {
    delivery.get("became").and_then(Value::as_array).unwrap()
}

/// Returns what became of a delivery, in words.
fn said(delivery: &Value) -> &str {
    became(delivery).first().unwrap().get("text").and_then(Value::as_str).unwrap()
}

/// Says how often each guest was asked for.
async fn all_asked(site: &Site) -> [usize; 4] {
    [asked(site, 900).await, asked(site, 920).await, asked(site, 953).await, asked(site, 950).await]
}

#[tokio::test]
async fn a_push_asks_for_the_guest_that_it_changes_and_the_forge_is_told_how_it_went() {
    let (site, _worker) = Site::complete().await;
    let (forge, _) = Forge::new(&site);
    let mut statuses = Statuses::start("127.0.0.1:0").await;
    let status = json!({ "status": forge.status(&statuses.url) });
    let served = forge.served(&site, &status, &json!([])).await;
    site.write(1024, 20);
    let commit = forge.push_site(&site);

    let (code, answer) = tell(&served, "d-1", &commit).await;

    assert_eq!(code, 202, "{answer}");
    assert_eq!(serde_json::from_str::<Value>(&answer).unwrap()["commit"], *commit, "{answer}");
    site.until_complete(950, 2).await;
    let first = statuses.next().await;
    assert_eq!(first.body["state"], "pending", "{first:?}");
    let last = statuses.until(&commit, "success").await;
    let line = format!("POST /repos/acme/fleet/statuses/{commit} HTTP/1.1\r\n");
    let told = last.head.to_lowercase();
    assert!(last.head.starts_with(&line), "{last:?}");
    assert!(told.contains(&format!("authorization: bearer {TOKEN}")), "{last:?}");
    assert!(told.contains("content-type: application/json"), "{last:?}");
    let body = json!({
        "state": "success", "context": "phoenix", "description": "1 guest as wanted",
        "target_url": "https://phoenix.example.org/#950",
    });
    assert_eq!(last.body, body);
    let listed = until(&site, "d-1", "run").await;
    assert_eq!((&listed["commit"], &listed["source"]), (&json!(commit), &json!("forge")));
    assert!(said(&listed).ends_with("1 guest: lxc-950"), "{listed}");
    assert_eq!(all_asked(&site).await, [1, 1, 1, 2]);
    let log = served.server.log();
    assert!(!log.contains(TOKEN) && log.contains(&commit[..12]), "{log}");
}

#[tokio::test]
async fn a_comment_and_another_order_of_keys_change_nothing() {
    let (site, _worker) = Site::complete().await;
    let (forge, _) = Forge::new(&site);
    let mut statuses = Statuses::start("127.0.0.1:0").await;
    let status = json!({ "status": forge.status(&statuses.url) });
    let served = forge.served(&site, &status, &json!([])).await;
    let commit = forge.push_lxc(|text| {
        format!(
            "// all of them\n{}",
            text.replace(r#""memory_mb": 512, "#, "")
                .replace(r#""name": "app","#, r#""memory_mb":   512, "name": "app","#,)
        )
    });

    let (code, answer) = tell(&served, "d-1", &commit).await;

    assert_eq!(code, 202, "{answer}");
    let told = statuses.until(&commit, "success").await;
    assert_eq!(told.body["description"], "nothing changed");
    let listed = until(&site, "d-1", "nothing-to-do").await;
    assert!(said(&listed).ends_with("nothing changed"), "{listed}");
    assert_eq!(all_asked(&site).await, [1, 1, 1, 1]);

    write(&forge.work(), "prod/tests/answers.sh", "true");
    let test = forge.push_all();
    tell(&served, "d-2", &test).await;
    let listed = until(&site, "d-2", "nothing-to-do").await;
    assert!(said(&listed).contains("prod/tests/answers.sh: workers have their own"), "{listed}");
}

#[tokio::test]
async fn what_cannot_be_read_is_told_with_its_finding_and_asks_for_nothing() {
    let (site, _worker) = Site::complete().await;
    let (forge, _) = Forge::new(&site);
    let mut statuses = Statuses::start("127.0.0.1:0").await;
    let status = json!({ "status": forge.status(&statuses.url) });
    let served = forge.served(&site, &status, &json!([])).await;
    let broken = forge.push_lxc(|text| {
        text.replace(r#""memory_mb": 512"#, r#""memory_mb": "a lot""#)
            .replace(r#""dependencies": ["953"]"#, r#""dependencies": ["999"]"#)
    });

    tell(&served, "d-1", &broken).await;

    let told = statuses.until(&broken, "failure").await;
    let text = told.body["description"].as_str().unwrap();
    assert!(text.contains("PHX0107") && text.contains("999"), "{text}");
    let listed = until(&site, "d-1", "refused").await;
    assert!(said(&listed).contains("PHX0107") && said(&listed).contains("1 more"), "{listed}");
    let log = served.server.log();
    assert!(log.contains("PHX0006") && log.contains("configs.json:5:"), "all of it: {log}");
    assert_eq!(all_asked(&site).await, [1, 1, 1, 1]);

    let mended = forge.push_site(&site);
    tell(&served, "d-2", &mended).await;
    statuses.until(&mended, "success").await;
}

#[tokio::test]
async fn a_guest_that_fails_is_told_with_the_step_at_which_it_did() {
    let (site, _worker) = Site::complete().await;
    let (forge, _) = Forge::new(&site);
    let mut statuses = Statuses::start("127.0.0.1:0").await;
    let status = json!({ "status": forge.status(&statuses.url) });
    let served = forge.served(&site, &status, &json!([])).await;
    site.inner.host.fault(Fault::new(FaultKind::Refuse).guest(lxc(950)).always());
    site.write(1024, 20);
    let commit = forge.push_site(&site);

    tell(&served, "d-1", &commit).await;

    let told = statuses.until(&commit, "failure").await;
    let text = told.body["description"].as_str().unwrap();
    assert!(text.starts_with("lxc-950: ") && text.contains("apply_configurations"), "{text}");
    assert_eq!(told.body["target_url"], "https://phoenix.example.org/#950");
}

#[tokio::test]
async fn guests_that_are_new_or_gone_are_told_and_left_alone() {
    let (site, _worker) = Site::complete().await;
    let (forge, _) = Forge::new(&site);
    let served = forge.served(&site, &json!({}), &json!([])).await;
    let commit = forge.push_lxc(|text| {
        text.replace(r#""953": { "name": "gateway""#, r#""954": { "name": "new""#)
            .replace(r#""dependencies": ["953"], "#, "")
            .replace(r#""memory_mb": 512"#, r#""memory_mb": 1024"#)
    });

    tell(&served, "d-1", &commit).await;

    let listed = until(&site, "d-1", "run").await;
    let said = said(&listed);
    assert!(
        said.contains("lxc-954: not there yet") && said.contains("lxc-953: in no file"),
        "{said}"
    );
    site.until_complete(950, 2).await;
    assert_eq!((all_asked(&site).await, asked(&site, 954).await), ([1, 1, 1, 2], 0));
}
