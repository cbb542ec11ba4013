//! Every role does its work with its own key.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::site::{Site, text};
use crate::serve::hooks::{PUSH, SIGNATURE, deliver_to, hooks, rule};

#[test]
fn every_role_does_its_work() {
    let (site, _server) = Site::running();
    let _worker = site.worker("pve1", None);
    let _monitor = site.monitor();

    let submitted = site.phoenix("submitter", &["submit", "901", "--timeout", "60s"]);
    assert_eq!(submitted.code, 0, "{submitted:?}");
    assert!(submitted.out.contains("1 completed; brought along: 1 completed"), "{submitted:?}");
    let planned = site.phoenix("submitter", &["plan", "901", "--exit-code"]);
    assert_eq!(planned.code, 0, "{planned:?}");
    assert!(!planned.err.contains("no host was asked"), "{planned:?}");

    for args in
        [&["status"][..], &["status", "901"], &["history", "901"], &["runs"], &["dead", "list"]]
    {
        let looked = site.phoenix("watcher", args);
        assert_eq!(looked.code, 0, "{args:?}: {looked:?}");
    }
    // The monitor holds its lease, and tells who looks; who asks for guests orders it.
    site.until("watcher", &["health"], |ended| matches!(ended.code, 0 | 2));
    let ordered = site.phoenix("submitter", &["health", "mode", "on"]);
    assert_eq!(ordered.code, 0, "{ordered:?}");
    let repaired = site.phoenix("submitter", &["repair", "901", "--rung", "guest"]);
    assert!(!repaired.err.contains("not permitted"), "{repaired:?}");

    let cancelled = site.phoenix("submitter", &["cancel", "901"]);
    assert!(!cancelled.err.contains("not permitted"), "{cancelled:?}");
    let discarded = site.phoenix("submitter", &["dead", "discard", "77", "--yes"]);
    assert_eq!(discarded.code, 5, "{discarded:?}");
    for drain in [&["drain", "pve1"][..], &["drain", "pve1", "--end"]] {
        let drained = site.phoenix("submitter", drain);
        assert_eq!(drained.code, 0, "{drained:?}");
        assert!(!drained.err.contains("warning"), "{drained:?}");
    }
}

#[tokio::test]
async fn the_page_shows_everything_with_its_own_key() {
    let (site, _server) = Site::running();
    let _worker = site.worker("pve1", None);
    let submitted = site.phoenix("submitter", &["submit", "900", "--timeout", "60s"]);
    assert_eq!(submitted.code, 0, "{submitted:?}");
    let (_serve, at) = site.serve(&[]).await;

    let mut page = TcpStream::connect(&at).unwrap();
    write!(page, "GET /api/v1/state HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n").unwrap();
    let mut state = String::new();
    page.read_to_string(&mut state).unwrap();

    assert!(state.starts_with("HTTP/1.1 200") && state.contains("lxc-900"), "{state}");
    assert!(state.contains("pve1"), "{state}");
}

#[tokio::test]
async fn a_webhook_is_taken_with_the_key_of_the_page_and_seen_by_who_looks() {
    let (site, _server) = Site::running();
    let _worker = site.worker("pve1", None);
    let submitted = site.phoenix("submitter", &["submit", "901", "--timeout", "60s"]);
    assert_eq!(submitted.code, 0, "{submitted:?}");
    let hooks = hooks(&site.folder, &rule(901, "main", "restart"));
    let more = ["--hooks", text(&hooks), "--config", text(site.folder.path())];
    let (_serve, at) = site.serve(&more).await;

    let (status, said) = deliver_to(&at, "forge", "d-1", SIGNATURE, PUSH).await;
    assert_eq!(status, 202, "{said}");
    // What is taken is done by who follows what was taken.
    site.until("watcher", &["runs"], |ended| ended.out.matches("r-").count() == 2);
    site.until("watcher", &["deliveries"], |ended| ended.out.contains("run r-"));
    let (status, said) = deliver_to(&at, "forge", "d-1", SIGNATURE, PUSH).await;
    assert_eq!(status, 200, "{said}");
    assert!(said.contains("duplicate"), "{said}");
}
