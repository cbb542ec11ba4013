//! Every role does its work with its own key.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use super::site::Site;
use crate::program::phoenix_started;

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
}

#[test]
fn the_page_shows_everything_with_its_own_key() {
    let (site, _server) = Site::running();
    let _worker = site.worker("pve1", None);
    let submitted = site.phoenix("submitter", &["submit", "900", "--timeout", "60s"]);
    assert_eq!(submitted.code, 0, "{submitted:?}");

    let by = site.by("serve");
    let mut args = vec!["serve", "--listen", "127.0.0.1:0"];
    args.extend(by.iter().map(String::as_str));
    let mut serve = phoenix_started(site.folder.path(), &args, &[]);
    let mut said = BufReader::new(serve.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("http://") && said.read_line(&mut line).unwrap() > 0 {}
    let at = line.split("http://").nth(1).expect(&line);
    let at: String = at.chars().take_while(|c| c.is_ascii_digit() || ".:".contains(*c)).collect();
    let mut page = TcpStream::connect(&at).unwrap();
    write!(page, "GET /api/v1/state HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n").unwrap();
    let mut state = String::new();
    page.read_to_string(&mut state).unwrap();
    serve.kill().unwrap();
    serve.wait().unwrap();

    assert!(state.starts_with("HTTP/1.1 200") && state.contains("lxc-900"), "{state}");
    assert!(state.contains("pve1"), "{state}");
}
