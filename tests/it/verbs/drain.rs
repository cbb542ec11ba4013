//! `phoenix drain` and `phoenix nodes`: a node where nothing is begun because somebody is at it.

use phoenix_testkit::host::{Entry, Mark, Settings};

use super::site::Site;
use crate::serve::PATIENCE;
use crate::survive::site::quick;

#[tokio::test]
async fn what_is_in_hand_ends_its_change_and_goes_on_when_the_drain_is_over() {
    let site = Site::new().await;
    site.inner.host.set(&Settings { latency_ms: 1500, ..quick() });
    let mut worker = site.worker();
    site.ok(&["submit", "950", "--detach"]).await;
    let is_begun = |ledger: &[Entry]| !ledger.is_empty();
    site.inner.until_ledger("a change is begun", is_begun).await;

    let drained = site.ok(&["drain", "pve1", "--reason", "new memory"]).await;

    assert!(drained.err.contains("nobody works on pve1 any more"), "{drained:?}");
    let lines = site.lines();
    let ledger = site.inner.host.ledger();
    let begun = ledger.iter().filter(|entry| entry.mark == Mark::Begun).count();
    let done = ledger.iter().filter(|entry| entry.mark == Mark::Done).count();
    assert_eq!(begun, done, "a change was cut short: {ledger:?}");
    // It has four changes of its own, and the last is not the one that was in hand.
    let state = site.state("900").await;
    assert_eq!(state["next"], "stands still, as pve1 is drained", "{state}");
    site.inner.host.set(&quick());

    // Whoever is started there meanwhile begins nothing either.
    worker.kill();
    let _next = site.worker();
    site.until_it_answers().await;
    let nodes = site.json(&["nodes"]).await;
    assert_eq!(nodes.pointer("/nodes/0/drained/why"), Some(&"new memory".into()), "{nodes}");
    assert_eq!(site.lines(), lines);

    site.ok(&["drain", "pve1", "--end"]).await;

    site.until_complete(950, 1).await;
    site.inner.assert_all_is_well().await;
}

#[tokio::test]
async fn who_waits_for_a_drained_node_is_told_so_and_what_to_type() {
    let (site, _worker) = Site::complete().await;
    site.ok(&["drain", "pve1", "--reason", "new memory"]).await;

    let waited = site.phoenix(&["restart", "950", "--timeout", "1s"]).await;

    assert_eq!(waited.code, 8, "{waited:?}");
    let remedy = "`phoenix drain pve1 --end`";
    for said in ["host pve1 is drained since", ": new memory; the work waits", remedy] {
        assert!(waited.err.contains(said), "{said}: {waited:?}");
    }
    let nodes = site.ok(&["nodes"]).await;
    assert!(nodes.out.contains("drained"), "{nodes:?}");
    assert!(nodes.err.contains("1 guest waits: `phoenix drain pve1 --end`"), "{nodes:?}");
    let status = site.ok(&["status", "950"]).await;
    assert!(status.out.contains(remedy), "{status:?}");
    let again = site.ok(&["drain", "pve1"]).await;
    assert!(again.err.contains("pve1 is already drained since"), "{again:?}");

    let ended = site.ok(&["drain", "pve1", "--end"]).await;

    assert!(ended.err.contains("it was drained since"), "{ended:?}");
    site.until_complete(950, 2).await;
    let ended = site.ok(&["drain", "pve1", "--end"]).await;
    assert!(ended.err.contains("pve1 is not drained"), "{ended:?}");
    site.inner.assert_all_is_well().await;
}

#[tokio::test]
async fn who_follows_already_is_told_when_a_node_is_drained() {
    let site = Site::new().await;
    site.inner.host.set(&Settings { latency_ms: 1500, ..quick() });
    let _worker = site.worker();
    let run = site.ok(&["submit", "950", "--detach"]).await.out;
    let follows = site.started("follow.log", &["follow", run.trim()]);
    let is_begun = |ledger: &[Entry]| !ledger.is_empty();
    site.inner.until_ledger("a change is begun", is_begun).await;

    site.ok(&["drain", "pve1", "--detach"]).await;

    let is_told = async {
        while !follows.log().contains("host pve1 is drained since") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, is_told).await.expect("it is told some time");
    let explained = site.ok(&["explain", "900"]).await;
    for said in ["not well since", "stands still, as pve1 is drained", "`phoenix drain pve1 --end`"]
    {
        assert!(explained.out.contains(said), "{said}: {explained:?}");
    }
}

#[tokio::test]
async fn a_node_of_which_nobody_has_heard_is_not_drained() {
    let (site, _worker) = Site::complete().await;

    for args in [&["drain", "pve7"][..], &["nodes", "pve7"]] {
        let ended = site.phoenix(args).await;

        assert_eq!(ended.code, 5, "{ended:?}");
        assert!(ended.err.contains("nothing is known of a node pve7"), "{ended:?}");
        assert!(ended.err.contains("pve1"), "{ended:?}");
    }
    assert!(site.inner.bus.drains().await.unwrap().is_empty());
}

#[tokio::test]
async fn where_nobody_works_there_is_nobody_to_wait_for() {
    let (site, worker) = Site::complete().await;
    site.end(worker).await;

    let drained = site.ok(&["drain", "pve1"]).await;

    assert!(drained.err.contains("nobody works on pve1 any more"), "{drained:?}");
    assert!(drained.err.contains("people may be called about its guests"), "{drained:?}");
}
