//! What nobody knows: that is told the same way everywhere.

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
