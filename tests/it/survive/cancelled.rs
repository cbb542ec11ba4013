//! Somebody changes their mind in the middle.

use phoenix_domain::{GuestSpec, Standing};
use phoenix_testkit::guest;
use phoenix_testkit::host::{Fault, FaultKind};

use super::site::{Site, lxc};

fn wanted(memory: u64) -> [GuestSpec; 1] {
    [guest(900).features(&["one", "two", "three"]).memory(memory).build()]
}

/// Has a guest be in the middle of its first feature.
async fn begin(site: &Site) {
    let slow = FaultKind::Slow { ms: 700 };
    site.host.fault(Fault::new(slow).kind("install-feature"));
    site.submit(&wanted(512)).await;
    site.until_ledger("a feature is begun", |_| site.host.begun(lxc(900), "install-feature") == 1)
        .await;
}

#[tokio::test]
async fn a_guest_that_is_cancelled_stays_so_and_completes_when_it_is_asked_for_anew() {
    let site = Site::new().await;
    let mut worker = site.worker();
    begin(&site).await;

    site.cancel(lxc(900)).await;
    site.until("it is cancelled", |states| {
        states.get(&lxc(900)).is_some_and(|state| state.work.standing == Standing::Cancelled)
    })
    .await;
    let ledger = site.host.ledger();
    assert_eq!(site.host.begun(lxc(900), "install-feature"), 1, "none after the one in hand");
    worker.kill();
    let _next = site.worker();
    let other = [guest(901).build()];
    site.submit(&other).await;
    site.until_complete(&other).await;

    assert_eq!(site.state(lxc(900)).await.work.standing, Standing::Cancelled);
    let of_900: Vec<_> =
        site.host.ledger().into_iter().filter(|entry| entry.guest == lxc(900)).collect();
    assert_eq!(of_900, ledger);

    site.submit(&wanted(512)).await;
    site.until_complete(&wanted(512)).await;
    site.assert_all_is_well().await;
}

#[tokio::test]
async fn a_guest_that_is_wanted_otherwise_in_the_middle_ends_as_it_is_wanted_last() {
    let site = Site::new().await;
    let _worker = site.worker();
    begin(&site).await;

    site.submit(&wanted(1024)).await;

    site.until_complete(&wanted(1024)).await;
    assert_eq!(site.state(lxc(900)).await.desired.revision, 2);
    let undisturbed = Site::new().await;
    let _other = undisturbed.worker();
    undisturbed.submit(&wanted(1024)).await;
    undisturbed.until_complete(&wanted(1024)).await;
    assert_eq!(site.host.files(), undisturbed.host.files());
    site.assert_all_is_well().await;
}
