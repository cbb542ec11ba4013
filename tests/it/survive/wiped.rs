//! The log is gone, or is an old copy of itself: nothing is destroyed on its word.

use phoenix_domain::{GuestSpec, Standing};
use phoenix_testkit::guest;

use super::site::{Site, lxc, quickstart};

const NOTICED: &str = "the log is another one than before, or went backwards";

fn template(features: &[&str]) -> [GuestSpec; 1] {
    [guest(900).features(features).seal("ready").build()]
}

#[tokio::test]
async fn a_log_that_is_wiped_destroys_nothing_and_what_is_there_is_adopted() {
    let mut site = Site::new().await;
    let worker = site.worker();
    let all = quickstart(950);
    site.submit(&all).await;
    site.until_complete(&all).await;
    let (files, ledger) = (site.host.files(), site.host.ledger());

    site.server.wipe();
    site.server.restart();

    site.poll("it is noticed", || worker.log().contains(NOTICED)).await;
    site.submit(&all).await;
    site.until_complete(&all).await;
    assert_eq!(site.host.files(), files);
    assert_eq!(site.host.ledger(), ledger, "nothing was to be done");
}

#[tokio::test]
async fn a_log_that_went_backwards_destroys_nothing_before_somebody_vouches_for_it() {
    let mut site = Site::new().await;
    let worker = site.worker();
    site.submit(&template(&["one"])).await;
    site.until_complete(&template(&["one"])).await;
    let backup = site.folder("backup");
    site.server.back_up(&backup);
    site.server.restart();
    site.submit(&template(&["one", "two"])).await;
    site.until("the second is complete", |states| {
        states
            .get(&lxc(900))
            .is_some_and(|state| state.is_complete() && state.desired.revision == 2)
    })
    .await;
    let removed = site.host.begun(lxc(900), "remove-snapshot");

    site.server.restore(&backup);
    site.server.restart();
    site.poll("it is noticed", || worker.log().contains(NOTICED)).await;
    site.submit(&template(&["one", "two", "three"])).await;

    let blocked = site
        .until("a human is asked", |states| {
            let state = states.get(&lxc(900));
            state.is_some_and(|state| matches!(state.work.standing, Standing::Blocked { .. }))
        })
        .await;
    let standing = &blocked[&lxc(900)].work.standing;
    assert!(format!("{standing:?}").contains("the log of this guest went backwards"));
    assert_eq!(site.host.begun(lxc(900), "remove-snapshot"), removed, "nothing is destroyed");

    site.submit_with(&template(&["one", "two", "three"]), |desired| desired.trusts_log = true)
        .await;
    site.until_complete(&template(&["one", "two", "three"])).await;
    assert_eq!(site.host.begun(lxc(900), "remove-snapshot"), removed + 1);
    site.assert_log_is_whole().await;
}
