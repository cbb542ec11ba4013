//! `phoenix doctor` where each role has a key of its own.

use serde_json::Value;

use super::site::Site;
use crate::verbs::doctor::{checks, text};

/// Returns the lines about something, as this role finds them.
fn lines(site: &Site, role: &str, check: &str) -> Vec<Value> {
    let machine = site.folder.path().to_str().unwrap();
    let ended = site.phoenix(role, &["doctor", "-o", "json", "--root", machine]);
    checks(&ended).into_iter().filter(|line| text(line, "check") == Some(check)).collect()
}

fn sign_and_words(line: &Value) -> (&str, &str) {
    (text(line, "sign").unwrap(), text(line, "found").unwrap())
}

#[test]
fn each_role_is_told_what_it_may_look_at_and_the_admin_sees_all() {
    let (site, _server) = Site::running();

    for role in ["admin", "watcher", "submitter", "serve"] {
        let permissions = lines(&site, role, "permissions");
        let (sign, words) = sign_and_words(&permissions[0]);
        assert_eq!((permissions.len(), sign), (1, "ok"), "{permissions:?}");
        assert!(words.starts_with(&format!("the key is that of {role}, ")), "{words}");
    }

    let by_admin = lines(&site, "admin", "streams");
    assert_eq!(
        sign_and_words(&by_admin[0]),
        ("ok", "13 streams and buckets are there and as wanted")
    );
    assert_eq!(by_admin.len(), 1, "{by_admin:?}");
    let by_watcher = lines(&site, "watcher", "streams");
    let (sign, words) = sign_and_words(&by_watcher[1]);
    assert_eq!(sign, "not-looked-at", "{by_watcher:?}");
    assert!(words.contains("the key of watcher may not look at"), "{words}");
}

#[test]
fn a_subject_that_a_role_needs_and_is_refused_is_named() {
    let site = Site::written(&["nats"]);
    let file = site.dir().join("nats/nats-server.conf");
    let dead = "          \"$JS.API.STREAM.MSG.GET.PHOENIX_DEAD\"\n";
    let config = site.config("nats");
    assert!(config.contains(dead));
    std::fs::write(file, config.replace(dead, "")).unwrap();
    let _server = site.server("nats");
    site.set_up();

    let lines = lines(&site, "watcher", "permissions");

    let (sign, words) = sign_and_words(&lines[0]);
    assert_eq!(sign, "wrong", "{lines:?}");
    assert_eq!(words, "the key of watcher may not use $JS.API.STREAM.MSG.GET.PHOENIX_DEAD");
    assert_eq!(lines[0]["remedy"], "phoenix nats init");
}
