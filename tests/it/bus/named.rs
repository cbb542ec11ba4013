//! What is typed for a guest, a run or a letter: what is understood, and what nobody knows.

use super::site::Site;

#[test]
fn whatever_is_not_there_ends_with_5_and_a_hint() {
    let site = Site::new();
    site.submit("900");

    for args in [
        &["status", "999"][..],
        &["explain", "999"],
        &["explain", "r-0001abcd"],
        &["explain", "XA8ZGW"],
        &["explain", "PHX9999"],
        &["history", "999"],
        &["state", "999", "--at", "0s"],
        &["logs", "999"],
        &["trace", "r-0001abcd"],
        &["follow", "r-0001abcd"],
        &["answer", "999", "yes"],
        &["answer", "r-0001abcd", "yes"],
        &["cancel", "999"],
        &["cancel", "r-0001abcd"],
        &["retry", "999"],
        &["test", "999"],
        &["stop", "999"],
        &["start", "999"],
        &["restart", "999"],
        &["delete", "999", "--yes"],
        &["drift", "999"],
        &["dead", "show", "7"],
        &["dead", "replay", "7"],
        &["dead", "discard", "7", "--yes"],
        &["feature", "show", "nothing"],
        &["submit", "999"],
        &["plan", "999", "--offline"],
        &["check", "999"],
        &["config", "show", "999"],
    ] {
        let ended = site.phoenix(args);

        assert_eq!(ended.code, 5, "{args:?}: {ended:?}");
        assert!(ended.err.contains("\nhint: "), "{args:?}: {ended:?}");
    }
}

#[test]
fn a_guest_is_understood_by_the_name_that_is_shown_of_it() {
    let site = Site::new();
    let run = site.phoenix(&["submit", "lxc-900", "--detach"]);
    assert_eq!(run.code, 0, "{run:?}");

    for verb in ["status", "explain", "history", "cancel", "check"] {
        let ended = site.phoenix(&[verb, "lxc-900"]);

        assert_eq!(ended.code, 0, "{verb}: {ended:?}");
    }
    let wrong = site.phoenix(&["status", "ct-900"]);
    assert_eq!(wrong.code, 64, "{wrong:?}");
    assert!(wrong.err.contains("or as `lxc-950` or `vm-8001`"), "{wrong:?}");
}
