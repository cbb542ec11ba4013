//! `phoenix start`, `stop` and `restart`.

use super::site::{Site, made};
use crate::survive::site::lxc;

#[tokio::test]
async fn a_guest_is_stopped_alone_and_started_with_all_it_stands_on() {
    let (site, _worker) = Site::complete().await;
    let lines = site.lines();

    let stopped = site.ok(&["stop", "953"]).await;

    assert!(stopped.err.contains("950 depends on 953"), "{stopped:?}");
    assert!(stopped.out.ends_with(": 1 stopped\n"), "{stopped:?}");
    assert_eq!(site.made_since(lines), [made(953, "stop")]);
    let state = site.state("953").await;
    assert_eq!((&state["state"], &state["goal"]), (&"stopped".into(), &"stopped".into()));
    site.ok(&["stop", "950"]).await;
    let lines = site.lines();

    let started = site.ok(&["start", "950"]).await;

    assert_eq!(site.made_since(lines), [made(953, "start"), made(950, "start")]);
    assert!(
        started.out.contains("953 gateway  to be started on pve1 (950 stands on it)"),
        "{started:?}"
    );
    assert!(started.out.contains("900 base  already as desired"), "{started:?}");
    assert_eq!(site.state("950").await["goal"], "running");
    site.inner.assert_all_is_well().await;
}

#[tokio::test]
async fn what_depends_on_another_is_stopped_before_it() {
    let (site, mut worker) = Site::complete().await;
    // Nobody works while both are asked for, so the order is that of the work.
    worker.kill();
    let lines = site.lines();
    site.ok(&["stop", "953", "950", "--detach"]).await;
    assert_eq!(site.state("953").await["standsOn"], serde_json::json!(["lxc-950"]));

    let _next = site.worker();
    site.until_complete(953, 2).await;

    assert_eq!(site.made_since(lines), [made(950, "stop"), made(953, "stop")]);
    site.inner.assert_all_is_well().await;
}

#[tokio::test]
async fn a_restart_starts_a_guest_anew_each_time_it_is_asked_for() {
    let (site, _worker) = Site::complete().await;
    let lines = site.lines();

    let restarted = site.ok(&["restart", "950"]).await;
    site.ok(&["restart", "950"]).await;

    assert!(restarted.out.ends_with(": 1 restarted\n"), "{restarted:?}");
    assert_eq!(site.made_since(lines), [made(950, "restart"), made(950, "restart")]);
    site.inner.assert_log_is_whole().await;
}

#[tokio::test]
async fn what_was_never_built_is_refused_before_anything_is_published() {
    let site = Site::new().await;
    let _worker = site.worker();

    for verb in ["start", "stop", "restart"] {
        let ended = site.phoenix(&[verb, "950"]).await;
        assert_eq!((ended.code, ended.out.as_str()), (5, ""), "{ended:?}");
        assert!(ended.err.contains("950 was never built"), "{ended:?}");
        assert!(ended.err.contains("phoenix submit 950"), "{ended:?}");
    }
    let unknown = site.phoenix(&["stop", "999"]).await;
    assert!(unknown.err.contains("there is no guest 999"), "{unknown:?}");
    assert!(site.inner.bus.states().await.unwrap().is_empty(), "something was published");
}

#[tokio::test]
async fn what_is_there_for_being_cloned_is_not_started() {
    let (site, _worker) = Site::complete().await;
    for verb in ["start", "restart"] {
        let ended = site.phoenix(&[verb, "900"]).await;
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(
            ended.err.contains("900 is a template: it is there for being cloned, and rests"),
            "{ended:?}"
        );
    }
}

#[tokio::test]
async fn a_guest_that_was_stopped_is_submitted_again_and_runs() {
    let (site, _worker) = Site::complete().await;
    site.ok(&["stop", "950"]).await;
    let lines = site.lines();

    let submitted = site.ok(&["create", "950"]).await;

    assert!(submitted.out.contains(": 1 guest asked for"), "{submitted:?}");
    assert_eq!(site.made_since(lines), [made(950, "start")]);
    assert_eq!(site.state("950").await["state"], "completed");
}

#[tokio::test]
async fn what_is_stopped_is_cancelled_and_tried_again_as_anything_else() {
    let (site, mut worker) = Site::complete().await;
    worker.kill();
    site.ok(&["stop", "950", "--detach"]).await;

    let cancelled = site.ok(&["cancel", "950"]).await;
    assert!(cancelled.out.contains("cancelled"), "{cancelled:?}");
    let _next = site.worker();
    site.ok(&["retry", "950"]).await;

    let state = site.state("950").await;
    assert_eq!((&state["state"], &state["revision"]), (&"stopped".into(), &3.into()));
    assert_eq!(site.inner.host.begun(lxc(950), "stop"), 1);
}

#[tokio::test]
async fn a_guest_that_somebody_removed_by_hand_cannot_be_stopped_and_a_human_is_asked() {
    let (site, _worker) = Site::complete().await;
    site.inner.host.remove(lxc(950));

    let ended = site.phoenix(&["stop", "950"]).await;

    assert_eq!(ended.code, 9, "{ended:?}");
    assert!(ended.out.contains("there is no such guest on the host"), "{ended:?}");
}
