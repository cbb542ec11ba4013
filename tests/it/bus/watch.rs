//! `phoenix watch`.

use super::site::Site;

#[test]
fn what_happened_is_told_since_then_and_only_what_is_asked_for() {
    let site = Site::new();
    let run = site.submit("901");
    site.actor.fail_and_wait("lxc-900", 3600);

    let all = site.lines(&["watch", "--since", "1h"], 6);
    let failures = site.lines(&["watch", "--since", "1h", "--kind", "step-failed,retry-wait"], 2);
    let one = site.lines(&["watch", "901", "--run", &run, "--since", "1h"], 1);

    assert!(all.first().unwrap().contains("asked for by kim@"), "{all:?}");
    assert!(
        failures.first().unwrap().contains("failed at 2/3 apply_configurations"),
        "{failures:?}"
    );
    assert!(failures.last().unwrap().contains("attempt 2 of 8"), "{failures:?}");
    assert!(one.first().unwrap().contains("901 web"), "{one:?}");
}
