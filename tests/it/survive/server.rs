//! The server goes and comes back; the worker is asked to end and is started again.

use phoenix_testkit::guest;
use phoenix_testkit::host::{Mark, Settings};

use super::site::{Site, lxc, quick, quickstart};

#[tokio::test]
async fn a_server_that_is_killed_again_and_again_delays_and_loses_nothing() {
    let mut site = Site::with(&Settings { latency_ms: 20, ..quick() }).await;
    let _worker = site.worker();
    let all = quickstart(950);
    site.submit(&all).await;

    for kill in 1..=4 {
        site.until_ledger("some more is done", |ledger| ledger.len() >= 12 * kill).await;
        site.server.kill();
        site.server.restart();
    }

    site.until_complete(&all).await;
    site.assert_all_is_well().await;
}

#[tokio::test]
async fn a_worker_that_is_asked_to_end_finishes_the_change_in_hand_and_the_next_one_goes_on() {
    let site = Site::with(&Settings { latency_ms: 300, ..quick() }).await;
    let all = [guest(900).features(&["one", "two", "three"]).build()];
    let mut worker = site.worker();
    site.submit(&all).await;
    site.until_ledger("a feature is begun", |_| site.host.begun(lxc(900), "install-feature") == 1)
        .await;

    worker.ask_to_end();

    assert!(worker.ended().await.success());
    let ledger = site.host.ledger();
    let count = |mark| ledger.iter().filter(|entry| entry.mark == mark).count();
    assert_eq!(count(Mark::Begun), count(Mark::Done), "{ledger:#?}");
    assert!(!site.state(lxc(900)).await.is_complete());

    let _next = site.worker();
    site.until_complete(&all).await;
    site.assert_all_is_well().await;
}
