//! `phoenix cancel` and `phoenix retry`.

use super::site::Site;

#[test]
fn what_is_cancelled_stays_so_until_somebody_asks_again() {
    let site = Site::new();
    let run = site.submit("901");
    site.actor.complete("lxc-900");

    let ended = site.phoenix(&["cancel", &run]);

    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.out.contains("900 base  already settled: completed"), "{ended:?}");
    assert!(ended.out.contains("901 web  cancelled"), "{ended:?}");
    let again = site.phoenix(&["cancel", "901"]);
    assert!(again.out.contains("901 web  already settled: cancelled"), "{again:?}");
    let retried = site.phoenix(&["retry", "901", "--detach"]);
    assert!(retried.out.starts_with("r-"), "{retried:?}");
    let status = site.json(&["status", "901"]);
    assert_eq!(
        (&status["guests"][0]["state"], &status["guests"][0]["revision"]),
        (&"requested".into(), &2.into())
    );
}

#[test]
fn who_is_at_work_is_asked_to_stop() {
    let site = Site::new();
    let run = site.submit("900");
    site.actor.claim("lxc-900");

    let ended = site.phoenix(&["cancel", &run]);

    assert!(
        ended.out.contains("asked to stop; pve1/played stops before its next step"),
        "{ended:?}"
    );
    assert_eq!(site.json(&["status", "900"])["guests"][0]["state"], "stopping");
}

#[test]
fn a_run_nobody_knows_is_not_found() {
    let site = Site::new();
    site.submit("900");
    for args in [["cancel", "r-0000"], ["follow", "r-0000"], ["cancel", "999"], ["retry", "999"]] {
        let ended = site.phoenix(&args);
        assert_eq!((ended.code, ended.out.as_str()), (5, ""), "{ended:?}");
    }
}

#[test]
fn what_somebody_asked_for_since_is_left_alone() {
    let mut site = Site::new();
    let first = site.submit("901");
    site.change(1024);
    site.submit("901");

    let ended = site.phoenix(&["cancel", &first]);

    assert!(ended.out.contains("901 web  left alone"), "{ended:?}");
    assert_eq!(site.json(&["status", "901"])["guests"][0]["state"], "requested");
}

#[test]
fn a_retry_does_not_wait_and_can_vouch_for_the_log() {
    let site = Site::new();
    site.submit("900");
    site.actor.fail_and_wait("lxc-900", 3600);

    let ended = site.phoenix(&["retry", "900", "--trust-log", "--detach"]);

    assert_eq!(ended.code, 0, "{ended:?}");
    let watched = site.lines(&["watch", "--since", "1h", "--kind", "requested", "-o", "jsonl"], 2);
    let last: serde_json::Value = serde_json::from_str(watched.last().unwrap()).unwrap();
    let desired = &last["data"]["state"]["desired"];
    assert_eq!((&desired["trusts_log"], &desired["cause"]), (&true.into(), &"retried".into()));
    assert_eq!(desired["by"].as_str().unwrap().split('@').next(), Some("kim"));
}
