//! Many guests, several workers, and nothing to do.

use phoenix_domain::GuestSpec;
use phoenix_testkit::guest;
use phoenix_testkit::host::{Fault, FaultKind};

use super::site::{Site, lxc, quickstart};
use crate::program::{phoenix_with, repository};

#[tokio::test]
async fn two_hundred_guests_of_one_request_are_all_made_once_by_two_workers() {
    let site = Site::new().await;
    let _workers = [site.worker(), site.worker_with("b", "run", &[])];
    let all: Vec<GuestSpec> = (1000..1200).map(|vmid| guest(vmid).build()).collect();

    site.submit(&all).await;

    site.until_complete(&all).await;
    site.assert_all_is_well().await;
    let created = site.host.done().into_iter().filter(|entry| entry.kind == "create").count();
    assert_eq!(created, 200);
}

#[tokio::test]
async fn twenty_clones_of_one_parent_are_made_after_it() {
    let site = Site::new().await;
    let _worker = site.worker();
    let clones = (901..=920).map(|vmid| guest(vmid).of(900).build());
    let all: Vec<GuestSpec> =
        [guest(900).seal("ready").build()].into_iter().chain(clones).collect();

    site.submit(&all).await;

    site.until_complete(&all).await;
    site.assert_all_is_well().await;
}

#[tokio::test]
async fn a_log_that_is_longer_than_one_answer_is_read_whole() {
    let site = Site::new().await;
    // Nobody works on it, so that it is asked for once more each time.
    let spec = [guest(900).build()];
    let mut names = Vec::new();
    for nth in 0..300 {
        let name = format!("somebody {nth}");
        site.submit_with(&spec, |desired| desired.by.clone_from(&name)).await;
        names.push(name);
    }

    let history = site.bus.history(lxc(900)).await.unwrap();

    assert!(history.is_sorted_by(|(before, _), (after, _)| before < after));
    let read: Vec<_> = history.into_iter().map(|(_, event)| event.state.desired.by).collect();
    // So much of a guest's log is kept.
    assert_eq!(read, names[300 - 256..]);
    assert!(site.bus.history(lxc(901)).await.unwrap().is_empty());
}

#[tokio::test]
async fn whoever_looks_again_and_again_leaves_nothing_in_the_server() {
    let site = Site::new().await;
    site.submit(&[guest(900).build()]).await;

    // More often than the log may have consumers.
    for _ in 0..300 {
        assert_eq!(site.bus.states().await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn more_guests_than_the_server_tells_at_once_are_all_known() {
    let site = Site::new().await;
    let all: Vec<GuestSpec> = (1000..2100).map(|vmid| guest(vmid).build()).collect();

    site.submit(&all).await;

    assert_eq!(site.bus.states().await.unwrap().len(), all.len());
}

#[tokio::test]
async fn a_slow_guest_holds_up_no_other() {
    let site = Site::new().await;
    // Longer than any patience: the guest is never there in time.
    let slow = FaultKind::Slow { ms: 1_000_000 };
    site.host.fault(Fault::new(slow).guest(lxc(900)));
    let _worker = site.worker();
    let others: Vec<GuestSpec> = (901..=910).map(|vmid| guest(vmid).build()).collect();
    site.submit(&[guest(900).build()]).await;
    site.until_ledger("the slow one is begun", |_| site.host.begun(lxc(900), "create") == 1).await;

    site.submit(&others).await;

    let states = site.until_complete(&others).await;
    assert!(!states[&lxc(900)].is_complete());
}

#[tokio::test]
async fn the_same_request_again_appends_nothing() {
    let site = Site::new().await;
    let _worker = site.worker();
    let url = site.server.url();
    let submit = || {
        let args = ["submit", "950", "--host", "pve1", "--detach"];
        let environment = [("NATS_URL", url.as_str()), ("USER", "kim")];
        let ended = phoenix_with(&repository("examples/quickstart"), &args, &environment);
        assert_eq!(ended.code, 0, "{ended:?}");
    };
    submit();
    site.until_complete(&quickstart(950)).await;
    let before = site.bus.states().await.unwrap();
    let ledger = site.host.ledger();

    submit();

    assert_eq!(site.bus.states().await.unwrap(), before);
    assert_eq!(site.host.ledger(), ledger);
}
