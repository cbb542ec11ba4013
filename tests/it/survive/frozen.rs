//! A worker or a change stands still, for longer than it may, while another worker comes.

use phoenix_domain::EventKind;
use phoenix_testkit::guest;
use phoenix_testkit::host::{Fault, FaultKind, Settings};
use phoenix_testkit::worker::Worker;

use super::site::{Site, lxc};

/// Has a worker stand still in the middle of a change, and starts another one that has these locks.
async fn freeze_one_and_start_another(site: &Site, run_dir: &str) -> (Worker, Worker) {
    let slow = FaultKind::Slow { ms: 500 };
    site.host.fault(Fault::new(slow).kind("install-feature"));
    let frozen = site.worker();
    site.submit(&[guest(900).features(&["one", "two"]).build()]).await;
    site.until_ledger("a feature is begun", |_| site.host.begun(lxc(900), "install-feature") == 1)
        .await;
    frozen.freeze();
    (frozen, site.worker_with("b", run_dir, &[]))
}

#[tokio::test]
async fn who_stands_still_holds_its_guest_and_nobody_else_is_at_it_meanwhile() {
    let site = Site::new().await;
    let (frozen, other) = freeze_one_and_start_another(&site, "run").await;
    site.poll("the other one finds the guest held", || other.log().contains("held by somebody"))
        .await;

    frozen.thaw();

    site.until_complete(&[guest(900).build()]).await;
    site.assert_all_is_well().await;
    assert_eq!(site.host.begun(lxc(900), "install-feature"), 2);
}

#[tokio::test]
async fn without_a_lock_between_them_the_log_fences_who_stood_still() {
    let site = Site::new().await;
    let (frozen, _other) = freeze_one_and_start_another(&site, "elsewhere").await;
    site.until_complete(&[guest(900).build()]).await;

    frozen.thaw();

    site.poll("it notices", || frozen.log().contains("somebody else holds this guest now")).await;
    let history = site.bus.history(lxc(900)).await.unwrap();
    let claims = history.iter().filter(|(_, event)| event.fact.kind() == EventKind::Claimed);
    assert_eq!(claims.count(), 2, "one overtook the other");
    let more = [guest(901).build()];
    site.submit(&more).await;
    site.until_complete(&more).await;
    // What it does before it notices is not undone by that: it takes a lock to keep it from that.
    site.assert_log_is_whole().await;
}

#[tokio::test]
async fn a_change_that_hangs_is_ended_in_time_also_where_its_worker_is_gone() {
    let site = Site::new().await;
    site.host.set(&Settings { limit_ms: 300, grace_ms: 100, ..Settings::default() });
    site.host.fault(Fault::new(FaultKind::Hang { ms: None }).kind("install-feature"));
    let mut worker = site.worker();
    site.submit(&[guest(900).features(&["one"]).build()]).await;
    site.until_ledger("a feature is begun", |_| site.host.begun(lxc(900), "install-feature") == 1)
        .await;
    worker.kill();

    let next = site.worker_with("b", "run", &[]);

    site.until_complete(&[guest(900).build()]).await;
    assert!(next.log().contains("it outlived its worker and its time"), "{}", next.log());
    site.assert_all_is_well().await;
}
