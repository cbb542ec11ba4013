//! Who may read and act, as HTTP has it.

#![expect(clippy::indexing_slicing, reason = "a broken fixture should stop the test")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use phoenix_domain::{Event, EventKind};
use serde_json::{Value, json};

use super::{Said, Served, played};
use crate::survive::site::lxc;
use crate::verbs::site::Site;

pub(super) const TOKEN: &str = "a token that nobody guesses";

/// Writes a file with the token.
pub(super) fn token(site: &Site) -> PathBuf {
    let path = site.folder().join("page.token");
    fs::write(&path, format!("{TOKEN}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// Somebody who has signed in.
struct In {
    cookie: String,
    proof: String,
    origin: String,
}

impl In {
    async fn sign(served: &Served, name: &str) -> Self {
        let origin = format!("http://{}", served.at);
        let with = json!({ "name": name, "token": TOKEN });
        let said = served.post("/api/v1/sign-in", &[("Origin", &origin)], &with).await;
        assert_eq!(said.status, 200, "{said:?}");
        let cookie = said.header("set-cookie").unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Self { cookie, proof: said.json()["proof"].as_str().unwrap().to_owned(), origin }
    }

    fn headers(&self) -> [(&str, &str); 3] {
        [("Cookie", &self.cookie), ("X-Phoenix-Proof", &self.proof), ("Origin", &self.origin)]
    }
}

async fn told(site: &Site, vmid: u64) -> Vec<Event> {
    let history = site.inner.bus.history(lxc(vmid)).await.unwrap();
    history.into_iter().map(|(_, event)| event).collect()
}

#[tokio::test]
async fn only_who_has_signed_in_and_only_our_own_page_acts() {
    let site = played::site(&[950]).await;
    played::ask(&site, 950, "go on?").await;
    let token = token(&site);
    let more = ["--token-file", token.to_str().unwrap()];
    let served = Served::with(&site, "127.0.0.1:0", &more).await;
    let kim = In::sign(&served, "kim").await;
    let before = told(&site, 950).await.len();
    let (cookie, proof, origin) = (&*kim.cookie, &*kim.proof, &*kim.origin);
    let (path, body) = ("/api/v1/guests/950/answer", json!({ "says": "yes", "asked": "go on?" }));
    let mut refused = Vec::new();

    for headers in [
        vec![],
        vec![("X-Phoenix-Proof", proof), ("Origin", origin)],
        vec![("Cookie", "phoenix-session=00"), ("X-Phoenix-Proof", proof), ("Origin", origin)],
        vec![("Cookie", cookie), ("Origin", origin)],
        vec![("Cookie", cookie), ("X-Phoenix-Proof", "00"), ("Origin", origin)],
        vec![("Cookie", cookie), ("X-Phoenix-Proof", proof)],
        vec![("Cookie", cookie), ("X-Phoenix-Proof", proof), ("Origin", "http://evil.example")],
        vec![("Cookie", cookie), ("X-Phoenix-Proof", proof), ("Origin", "http://127.0.0.1:1")],
        vec![("Cookie", cookie), ("X-Phoenix-Proof", proof), ("Origin", "null")],
    ] {
        refused.push(served.post(path, &headers, &body).await.status);
    }
    for act in ["guests/950/retry", "guests/950/cancel", "dead/1/discard", "sign-out"] {
        refused.push(served.post(&format!("/api/v1/{act}"), &[], &json!({})).await.status);
    }
    let got = served.get(path).await;

    assert_eq!(refused, [401, 401, 401, 403, 403, 403, 403, 403, 403, 401, 401, 401, 401]);
    assert!(got.starts_with("HTTP/1.1 405 "), "{got}");
    assert_eq!(told(&site, 950).await.len(), before, "nothing was done");
    let done = served.post(path, &kim.headers(), &body).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert!(done.json()["said"].as_str().unwrap().contains("950 guest-950  goes on"), "{done:?}");
    let last = told(&site, 950).await.pop().unwrap();
    assert_eq!(last.fact.kind(), EventKind::Answered);
    assert_eq!(serde_json::to_value(&last.fact).unwrap()["by"], "kim by the page");
    let late = served.post(path, &kim.headers(), &body).await;
    assert_eq!(late.status, 409, "{late:?}");
    assert!(late.json()["error"].as_str().unwrap().contains("kim by the page was faster"));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_in_words_wherever_it_is_sent() {
    let site = played::site(&[950]).await;
    played::ask(&site, 950, "go on?").await;
    let token = token(&site);
    let served =
        Served::with(&site, "127.0.0.1:0", &["--token-file", token.to_str().unwrap()]).await;
    let kim = In::sign(&served, "kim").await;
    let before = told(&site, 950).await.len();

    for (path, body, status) in [
        ("guests/950/answer", "nonsense", 400),
        ("guests/950/answer", "", 400),
        ("guests/950/answer", r#"{ "says": "perhaps", "asked": "go on?" }"#, 422),
        ("runs/r-0001/answer", "{}", 422),
        ("sign-in", "[", 400),
        ("sign-in", r#"{ "name": "kim" }"#, 422),
        ("guests/950/cancel", "nonsense", 400),
        ("guests/950/cancel", r#"{ "says": "yes" }"#, 422),
        ("guests/950/retry", "7", 422),
        ("runs/r-0001/cancel", "nonsense", 400),
        ("incidents/7F3K2A/ack", "nonsense", 400),
        ("dead/1/replay", "nonsense", 400),
        ("dead/1/discard", "nonsense", 400),
        ("sign-out", "nonsense", 400),
    ] {
        let said = served.post_text(&format!("/api/v1/{path}"), &kim.headers(), body).await;

        assert_eq!(said.status, status, "{path} {body}: {said:?}");
        let error = said.json()["error"].as_str().unwrap().to_owned();
        assert!(error.starts_with("what was sent "), "{path} {body}: {error}");
        assert!(said.json()["hints"][0].as_str().unwrap().contains("docs/watching.md"), "{said:?}");
    }
    assert_eq!(told(&site, 950).await.len(), before, "nothing was done");
    let done = served.post_text("/api/v1/guests/950/cancel", &kim.headers(), "").await;
    assert_eq!(done.status, 200, "{done:?}");
}

#[tokio::test]
async fn who_does_not_know_the_token_or_comes_from_elsewhere_gets_no_session() {
    let site = played::site(&[950]).await;
    let token = token(&site);
    let more = ["--token-file", token.to_str().unwrap(), "--name", "phoenix.lan"];
    let served = Served::with(&site, "127.0.0.1:0", &more).await;
    let origin = format!("http://{}", served.at);
    let sign_in = async |origin: &str, token: &str| -> Said {
        let with = json!({ "name": "kim", "token": token });
        served.post("/api/v1/sign-in", &[("Origin", origin)], &with).await
    };

    let wrong = sign_in(&origin, "another token of some length").await;
    let foreign = sign_in("http://evil.example", TOKEN).await;
    let right = sign_in(&origin, TOKEN).await;
    let secure = sign_in("https://phoenix.lan", TOKEN).await;

    assert_eq!((wrong.status, foreign.status), (401, 403));
    assert!(wrong.header("set-cookie").is_none() && foreign.header("set-cookie").is_none());
    assert!(wrong.json()["hints"][0].as_str().unwrap().contains("--token-file"), "{wrong:?}");
    let cookie = right.header("set-cookie").unwrap();
    assert!(cookie.ends_with("; HttpOnly; SameSite=Strict; Path=/; Max-Age=43200"), "{cookie}");
    let cookie = secure.header("set-cookie").unwrap();
    assert!(
        cookie.ends_with("; Secure"),
        "what came over https goes back over nothing else: {cookie}"
    );
    let mut last = 0;
    for _ in 0..20 {
        last = sign_in(&origin, "another token of some length").await.status;
    }
    assert_eq!(last, 429, "who guesses is soon not heard any more");
    let said = served.server.log();
    assert!(said.contains("sign-in: refused"), "{said}");
    assert!(!said.contains("another token") && !said.contains(TOKEN), "{said}");
}

#[tokio::test]
async fn a_token_that_others_read_or_that_is_short_is_refused_before_anything_is_served() {
    let site = played::site(&[950]).await;
    let path = token(&site);
    let serve = async || Served::refused(&site, &["--token-file", path.to_str().unwrap()]).await;

    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let open = serve().await;
    fs::write(&path, "short").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let short = serve().await;
    fs::remove_file(&path).unwrap();
    let missing = serve().await;

    for (code, said) in [&open, &short, &missing] {
        assert_eq!(*code, Some(3), "{said}");
        assert!(said.contains("nobody could sign in") && said.contains("hint: "), "{said}");
    }
    assert!(short.1.contains("has 5 bytes, and needs 16"), "{short:?}");
    assert!(!short.1.contains("short\n"), "what is in it is told to nobody: {short:?}");
}

#[tokio::test]
async fn beyond_this_machine_nothing_is_read_without_signing_in() {
    let site = played::site(&[950]).await;
    let token = token(&site);
    let more = ["--token-file", token.to_str().unwrap()];
    let served = Served::with(&site, "0.0.0.0:0", &more).await;
    let open =
        Served::with(&site, "0.0.0.0:0", &[&more[..], &["--let-anybody-read"]].concat()).await;
    let paths = ["state", "events", "guests/950/history", "guests/950/log", "dead/1"];
    let status = |answer: String| answer.split(' ').nth(1).unwrap().to_owned();
    let mut statuses = Vec::new();

    for path in paths {
        statuses.push(status(served.get(&format!("/api/v1/{path}")).await));
    }
    let mut others = Vec::new();
    for path in ["/", "/page/page.js", "/livez", "/readyz", "/api/v1/session"] {
        others.push(status(served.get(path).await));
    }
    let kim = In::sign(&served, "kim").await;
    let state = served.with_headers("/api/v1/state", &[("Cookie", &kim.cookie)]).await;
    let session: Value = served.json("/api/v1/session").await;

    assert_eq!(statuses, ["401"; 5]);
    assert_eq!(others, ["200"; 5]);
    assert_eq!(
        session,
        json!({ "canSignIn": true, "mayRead": false, "name": null, "proof": null })
    );
    assert!(state.contains("guest-950"), "{state}");
    assert_eq!(open.json("/api/v1/session").await["mayRead"], true);
    assert_eq!(status(open.get("/api/v1/state").await), "200");
}

#[tokio::test]
async fn whoever_has_signed_out_is_told_nothing_more() {
    let site = played::site(&[950]).await;
    let token = token(&site);
    let served = Served::with(&site, "0.0.0.0:0", &["--token-file", token.to_str().unwrap()]).await;
    let kim = In::sign(&served, "kim").await;
    let mut news = served.news_with(&[("Cookie", &kim.cookie)]).await;
    news.until("all", |_| true).await;

    let out = served.post("/api/v1/sign-out", &kim.headers(), &json!({})).await;
    played::claim(&site, 950).await;

    assert_eq!(out.status, 200, "{out:?}");
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"), "{out:?}");
    assert!(!news.rest().await.contains("event: happened"), "it ends instead");
    let again = served.post("/api/v1/guests/950/retry", &kim.headers(), &json!({})).await;
    assert_eq!(again.status, 401, "{again:?}");
}

#[tokio::test]
async fn a_page_that_nobody_can_sign_in_to_only_shows() {
    let site = played::site(&[950]).await;
    let served = Served::at(&site, "127.0.0.1:0").await;
    let origin = format!("http://{}", served.at);

    let with = json!({ "name": "kim", "token": TOKEN });
    let said = served.post("/api/v1/sign-in", &[("Origin", &origin)], &with).await;
    let act = served.post("/api/v1/guests/950/retry", &[("Origin", &origin)], &json!({})).await;

    assert_eq!((said.status, act.status), (404, 404));
    assert!(act.json()["hints"][0].as_str().unwrap().contains("--token-file"), "{act:?}");
    assert_eq!(served.json("/api/v1/session").await["canSignIn"], false);
}
