//! What a human has to agree to before it is done.

use serde_json::{Value, json};

use super::super::acts::{says, sign_in};
use super::super::browser::Browser;
use super::super::door::token;
use super::forge::{Forge, Statuses, tell};
use super::waiting::closed;
use super::{all_asked, became, said, until};
use crate::survive::site::lxc;
use crate::verbs::site::Site;

/// Returns the run that a delivery waits to make.
pub(super) fn run(delivery: &Value) -> String {
    let asks = became(delivery).iter().find(|became| became["state"] == "asks");
    asks.unwrap()["run"].as_str().unwrap().to_owned()
}

/// Returns what people are asked, as `phoenix status` has it.
pub(super) async fn questions(site: &Site) -> Vec<Value> {
    let status = site.json(&["status"]).await;
    status.get("questions").and_then(Value::as_array).unwrap().clone()
}

#[tokio::test]
async fn a_commit_waits_until_somebody_agrees_whoever_serves_and_the_log_has_who_did() {
    let (mut site, worker) = Site::complete().await;
    let (forge, _) = Forge::new(&site);
    let mut statuses = Statuses::start("127.0.0.1:0").await;
    let fleet = json!({ "approval": true, "status": forge.status(&statuses.url) });
    let mut first = forge.served(&site, &fleet, &json!([])).await;
    site.write(1024, 20);
    let commit = forge.push_site(&site);

    tell(&first, "d-1", &commit).await;

    let asks = until(&site, "d-1", "asks").await;
    let run = run(&asks);
    assert_eq!(said(&asks), format!("waits for a human: phoenix answer {run} yes"));
    loop {
        let told = statuses.until(&commit, "pending").await;
        if told.body["description"] == "waits for a human" {
            break;
        }
    }
    let listed = site.ok(&["status"]).await.out;
    let question = format!(
        "deploy {} (the fleet) of github.com/acme/fleet, pushed by ann? it changes 1 guest: 950",
        &commit[..12]
    );
    assert!(listed.contains(&question) && listed.contains(&run), "{listed}");
    let served = questions(&site).await;
    assert_eq!((&served[0]["run"], &served[0]["question"]), (&json!(run), &json!(question)));

    // Nothing of it is lost with whoever serves, or with the server.
    first.server.kill();
    drop(worker);
    site.inner.server.kill();
    site.inner.server.restart();
    let _worker = site.worker();
    let second = forge.served(&site, &fleet, &json!([])).await;
    let (code, _) = tell(&second, "d-1", &commit).await;
    assert_eq!(code, 200, "it is known, and waits");
    assert_eq!(questions(&site).await.len(), 1);
    assert_eq!(all_asked(&site).await, [1, 1, 1, 1]);
    drop(second);

    let other = site.phoenix(&["answer", &run, "yes", "--asked", "something else?"]).await;
    assert_eq!(other.code, 10, "{other:?}");
    assert!(other.out.contains("it asks something else by now"), "{other:?}");
    let yes = site.ok(&["answer", &run, "yes", "--asked", &question]).await;
    assert!(yes.out.contains("it goes on"), "{yes:?}");
    let late = site.phoenix_of("bob", &["answer", &run, "no"]).await;
    assert_eq!(late.code, 10, "{late:?}");
    assert!(late.out.contains("kim@") && late.out.contains("was faster, and said yes"), "{late:?}");

    let _third = forge.served(&site, &fleet, &json!([])).await;
    let done = until(&site, "d-1", "run").await;
    assert_eq!(done["became"][0]["run"], json!(run), "it was known beforehand");
    assert_eq!(
        (&done["decided"][0]["yes"], &done["decided"][0]["run"]),
        (&true.into(), &json!(run))
    );
    assert!(done["decided"][0]["by"].as_str().unwrap().starts_with("kim@"), "{done}");
    statuses.until(&commit, "success").await;
    let by = site.inner.state(lxc(950)).await.desired.by;
    assert!(by.starts_with("ann by forge, approved by kim@"), "{by}");
    assert_eq!(all_asked(&site).await, [1, 1, 1, 2]);
    assert_eq!(questions(&site).await, [Value::Null; 0]);
    let later = site.phoenix_of("bob", &["answer", &run, "yes"]).await;
    assert!(later.out.contains("kim@") && later.out.contains("was faster"), "{later:?}");
}

#[tokio::test]
async fn what_nobody_agrees_to_is_refused_and_the_forge_is_told_by_whom() {
    let (site, _worker) = Site::complete().await;
    let (forge, _) = Forge::new(&site);
    let mut statuses = Statuses::start("127.0.0.1:0").await;
    let fleet = json!({ "approval": true, "status": forge.status(&statuses.url) });
    let served = forge.served(&site, &fleet, &json!([])).await;
    site.write(1024, 20);
    let commit = forge.push_site(&site);
    tell(&served, "d-1", &commit).await;
    let run = run(&until(&site, "d-1", "asks").await);

    site.ok(&["answer", &run, "no"]).await;

    let refused = until(&site, "d-1", "refused").await;
    assert!(said(&refused).starts_with("refused: not approved by kim@"), "{refused}");
    assert_eq!(refused["decided"][0]["yes"], false);
    let told = statuses.until(&commit, "failure").await;
    let text = told.body["description"].as_str().unwrap();
    assert!(text.starts_with("not approved by kim@"), "{text}");
    assert_eq!(all_asked(&site).await, [1, 1, 1, 1]);
    let late = site.phoenix_of("bob", &["answer", &run, "yes"]).await;
    assert_eq!(late.code, 10, "{late:?}");
    assert!(late.out.contains("was faster, and said no"), "{late:?}");
}

#[tokio::test]
async fn of_many_pushes_one_question_is_asked_and_what_was_agreed_to_counts_for_no_other_commit() {
    let (site, _worker) = Site::complete().await;
    let (forge, _) = Forge::new(&site);
    let fleet = json!({ "approval": true, "window": closed() });
    let mut first = forge.served(&site, &fleet, &json!([])).await;
    let mut commits = Vec::new();
    for nth in 1..=10 {
        site.write(512 + 64 * nth, 20);
        commits.push(forge.push_site(&site));
    }
    for (nth, commit) in commits.iter().enumerate() {
        tell(&first, &format!("d-{nth}"), commit).await;
    }

    let asks = until(&site, "d-9", "asks").await;
    let old = until(&site, "d-0", "refused").await;

    assert!(said(&old).contains("is older than"), "{old}");
    assert_eq!(questions(&site).await.len(), 1);
    let agreed = run(&asks);
    site.ok(&["answer", &agreed, "yes"]).await;
    let waits = until(&site, "d-9", "waits").await;
    assert!(said(&waits).starts_with("waits until "), "the window is closed still: {waits}");
    assert_eq!(waits["decided"][0]["yes"], true);

    site.write(2048, 20);
    let newer = forge.push_site(&site);
    tell(&first, "d-newer", &newer).await;
    let next = run(&until(&site, "d-newer", "asks").await);
    assert_ne!(next, agreed);
    let old = until(&site, "d-9", "refused").await;
    assert!(said(&old).contains("is older than"), "{old}");
    let late = site.phoenix(&["answer", &agreed, "yes"]).await;
    assert_ne!(late.code, 0, "{late:?}");
    first.server.kill();
    // Somebody has opened the window: what was agreed to before is not done for that.
    let open = json!({ "approval": true });
    let _second = forge.served(&site, &open, &json!([])).await;
    assert_eq!(questions(&site).await[0]["run"], json!(next));
    site.ok(&["answer", &next, "yes"]).await;
    until(&site, "d-newer", "run").await;
    site.until_complete(950, 2).await;
    assert_eq!(all_asked(&site).await, [1, 1, 1, 2]);
    let spec = site.inner.state(lxc(950)).await.desired.spec.read().unwrap();
    assert_eq!(spec.memory.0, 2048);
}

#[tokio::test]
async fn nobody_is_asked_about_what_is_wrong_or_means_nothing() {
    let (site, _worker) = Site::complete().await;
    let (forge, _) = Forge::new(&site);
    let served = forge.served(&site, &json!({ "approval": true }), &json!([])).await;
    let comment = forge.push_lxc(|text| format!("// all of them\n{text}"));
    tell(&served, "d-1", &comment).await;
    let listed = until(&site, "d-1", "nothing-to-do").await;
    assert!(said(&listed).ends_with("nothing changed"), "{listed}");

    site.write(1024, 20);
    let waits = forge.push_site(&site);
    tell(&served, "d-2", &waits).await;
    until(&site, "d-2", "asks").await;
    let broken = forge.push_lxc(|text| text.replace(r#"["953"]"#, r#"["999"]"#));
    tell(&served, "d-3", &broken).await;

    let listed = until(&site, "d-3", "refused").await;
    assert!(said(&listed).contains("PHX0107"), "{listed}");
    until(&site, "d-2", "refused").await;
    assert_eq!(questions(&site).await, [Value::Null; 0], "it is asked for no more");
    assert_eq!(all_asked(&site).await, [1, 1, 1, 1]);
}

#[tokio::test]
async fn a_server_that_is_killed_once_it_has_asked_for_what_was_agreed_to_is_followed_by_one_that_notes_it()
 {
    let (site, _worker) = Site::complete().await;
    let (forge, _) = Forge::new(&site);
    let fleet = json!({ "approval": true });
    let mut first = forge.served(&site, &fleet, &json!([])).await;
    site.write(1024, 20);
    let commit = forge.push_site(&site);
    tell(&first, "d-1", &commit).await;
    let run = run(&until(&site, "d-1", "asks").await);
    site.ok(&["answer", &run, "yes"]).await;
    let is_asked = |event: &phoenix_domain::Event| {
        event.state.guest == lxc(950) && event.state.desired.revision == 2
    };
    site.inner.until_told("it is asked for", is_asked).await;

    first.server.kill();
    let _second = forge.served(&site, &fleet, &json!([])).await;

    let done = until(&site, "d-1", "run").await;
    assert_eq!(done["became"][0]["run"], json!(run));
    site.until_complete(950, 2).await;
    assert_eq!(all_asked(&site).await, [1, 1, 1, 2]);
    assert_eq!(questions(&site).await, [Value::Null; 0]);
}

#[tokio::test]
async fn of_two_who_answer_at_once_one_is_told_who_was_faster() {
    let (site, _worker) = Site::complete().await;
    let (forge, _) = Forge::new(&site);
    let mut served = forge.served(&site, &json!({ "approval": true }), &json!([])).await;
    site.write(1024, 20);
    let commit = forge.push_site(&site);
    tell(&served, "d-1", &commit).await;
    let run = run(&until(&site, "d-1", "asks").await);
    served.server.kill();

    let [yes, no] = ["yes", "no"].map(|says| ["answer", run.as_str(), says]);
    let (yes, no) = tokio::join!(site.phoenix_of("kim", &yes), site.phoenix_of("bob", &no));

    assert_eq!(yes.code + no.code, 10, "one is done, and one in conflict: {yes:?} {no:?}");
    let (winner, loser) = if yes.code == 0 { ("kim@", &no) } else { ("bob@", &yes) };
    assert!(loser.out.contains(winner) && loser.out.contains("was faster"), "{loser:?}");
}

#[tokio::test]
async fn a_question_is_answered_on_the_page() {
    let (site, _worker) = Site::complete().await;
    let (forge, _) = Forge::new(&site);
    let token = token(&site);
    let more = ["--token-file", token.to_str().unwrap()];
    let served = forge.served_with(&site, &json!({ "approval": true }), &json!([]), &more).await;
    let browser = Browser::new(1280, 900).await;
    sign_in(&browser, &served).await;
    site.write(1024, 20);
    let commit = forge.push_site(&site);

    tell(&served, "d-1", &commit).await;
    browser.until(&says("questions", &format!("deploy {}", &commit[..12]))).await;
    browser.until(&says("questions", "it changes 1 guest: 950")).await;
    browser.go_and_press("yes: deploy").await;
    browser.until("document.querySelector('dialog[open]')").await;
    browser.go_and_press("yes, do it").await;

    browser.until(&says("told", "it goes on")).await;
    browser.until("document.getElementById('asked').hidden").await;
    site.until_complete(950, 2).await;
    let by = site.inner.state(lxc(950)).await.desired.by;
    assert_eq!(by, "ann by forge, approved by kim by the page");
}
