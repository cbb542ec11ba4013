//! What rules have done once somebody has agreed, and so that it goes back.

use phoenix_testkit::host::{Fault, FaultKind};
use serde_json::{Value, json};

use super::approval::{questions, run};
use super::forge::{Forge, tell};
use super::waiting::closed;
use super::{all_asked, said, until};
use crate::survive::site::lxc;
use crate::verbs::site::Site;

/// A rule that restarts 950 once somebody has agreed.
fn restart() -> Value {
    json!([{
        "repository": "github.com/acme/fleet", "branch": "main", "guests": [950], "action": "restart",
        "approval": true,
    }])
}

/// What no push of the fleet is about, where only rules are tried.
fn elsewhere() -> Value {
    json!({ "branch": "other" })
}

#[tokio::test]
async fn a_rule_waits_for_a_human_and_only_the_newest_push_is_asked_about() {
    let (site, _worker) = Site::complete().await;
    let (forge, old) = Forge::new(&site);
    let served = forge.served(&site, &elsewhere(), &restart()).await;
    let new = forge.push_all();

    let (code, answer) = tell(&served, "d-1", &old).await;
    assert_eq!(code, 202, "{answer}");
    let first = run(&until(&site, "d-1", "asks").await);
    tell(&served, "d-2", &new).await;

    let refused = until(&site, "d-1", "refused").await;
    assert!(said(&refused).contains("is older than"), "{refused}");
    let asked = questions(&site).await;
    let second = run(&until(&site, "d-2", "asks").await);
    assert_eq!((asked.len(), &asked[0]["run"]), (1, &json!(second)));
    let question = asked[0]["question"].as_str().unwrap();
    assert!(question.starts_with(&format!("restart 950 for {}", &new[..12])), "{question}");
    assert_ne!(site.phoenix(&["answer", &first, "yes"]).await.code, 0);
    assert_eq!(all_asked(&site).await, [1, 1, 1, 1]);
    site.ok(&["answer", &second, "yes"]).await;
    let done = until(&site, "d-2", "run").await;
    assert_eq!(done["decided"][0]["yes"], true);
    site.until_complete(950, 2).await;
    let by = site.inner.state(lxc(950)).await.desired.by;
    assert!(by.starts_with("ann by forge, approved by kim@"), "{by}");
}

#[tokio::test]
async fn a_rule_that_nobody_agrees_to_is_not_done_and_one_that_is_agreed_to_keeps_its_window() {
    let (site, _worker) = Site::complete().await;
    let (forge, old) = Forge::new(&site);
    let mut rule = restart();
    rule[0]["window"] = closed();
    let mut served = forge.served(&site, &elsewhere(), &rule).await;
    tell(&served, "d-1", &old).await;
    let first = run(&until(&site, "d-1", "asks").await);
    site.ok(&["answer", &first, "no"]).await;
    let refused = until(&site, "d-1", "refused").await;
    assert!(said(&refused).contains("not approved by kim@"), "{refused}");

    tell(&served, "d-2", &old).await;
    let second = run(&until(&site, "d-2", "asks").await);
    site.ok(&["answer", &second, "yes"]).await;
    let waits = until(&site, "d-2", "waits").await;
    assert!(said(&waits).contains("waits until "), "{waits}");
    served.server.kill();
    let _second = forge.served(&site, &elsewhere(), &rule).await;
    assert!(said(&until(&site, "d-2", "waits").await).contains("waits until "));
    assert_eq!(all_asked(&site).await, [1, 1, 1, 1]);
}

#[tokio::test]
async fn a_rule_that_redeploys_safely_goes_back_where_that_fails() {
    let (site, _worker) = Site::complete().await;
    let before = site.inner.host.files();
    let (forge, commit) = Forge::new(&site);
    let rules = json!([{
        "repository": "github.com/acme/fleet", "branch": "main", "guests": [950],
        "action": "redeploy", "safely": { "hold_seconds": 1, "canary": 950 },
    }]);
    let served = forge.served(&site, &elsewhere(), &rules).await;
    let refused = Fault::new(FaultKind::Refuse).guest(lxc(950)).kind("set-properties");
    let fault = site.inner.host.fault(refused.always());
    site.write(1024, 20);

    tell(&served, "d-1", &commit).await;

    // Going back is another wish.
    site.until_complete(950, 3).await;
    assert_eq!(site.state("950").await["safety"]["is"], "returned");
    assert_eq!(site.inner.host.files(), before);
    site.inner.host.without_fault(fault);
    site.write(1536, 20);
    tell(&served, "d-2", &commit).await;
    site.until_complete(950, 4).await;
    let spec = site.inner.state(lxc(950)).await.desired.spec.read().unwrap();
    assert_eq!(spec.memory.0, 1536);
}
