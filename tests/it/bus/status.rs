//! `phoenix status` and `phoenix runs`.

use tempfile::TempDir;

use super::site::Site;
use crate::program::phoenix;

#[test]
fn status_needs_no_configuration() {
    let site = Site::new();
    site.submit("901");
    site.actor.report();
    site.actor.fail_and_wait("lxc-900", 60);
    let empty = TempDir::new().unwrap();
    let url = site.server.url();

    let all = phoenix(empty.path(), &["status", "--nats-url", &url]);
    let one = phoenix(empty.path(), &["status", "900", "--nats-url", &url]);

    assert_eq!((all.code, one.code), (0, 0), "{all:?} {one:?}");
    assert!(all.out.contains("retry-wait") && all.out.contains("waits for 900"), "{}", all.out);
    for text in
        ["its worker is alive", "under", "901 web: requested", "`phoenix retry 900`", "attempt 2"]
    {
        assert!(one.out.contains(text), "`{text}` is not in:\n{}", one.out);
    }
}

#[test]
fn a_guest_that_was_never_submitted_is_not_found() {
    let site = Site::new();
    let ended = site.phoenix(&["status", "901"]);
    assert_eq!(ended.code, 5, "{ended:?}");
    assert!(ended.err.contains("phoenix submit 901"), "{ended:?}");
    assert!(site.phoenix(&["status"]).err.contains("no guest was submitted yet"));
}

#[test]
fn runs_are_listed_with_who_asked_and_how_they_stand() {
    let site = Site::new();
    let first = site.submit("901");
    site.actor.complete("lxc-900");
    let second = site.submit("902");

    let runs = site.json(&["runs"]);

    assert_eq!((&runs["runs"][0]["id"], &runs["runs"][1]["id"]), (&second.into(), &first.into()));
    assert_eq!(runs["runs"][1]["state"], "1 completed, 1 requested");
    assert!(site.phoenix(&["runs"]).out.contains("kim@"));
}
