//! What becomes of guests that stand on others, and of those that fail.

use phoenix_domain::{EventKind, GuestSpec, Owner, Standing};
use phoenix_testkit::guest;
use phoenix_testkit::host::{Fault, FaultKind};

use super::site::{Site, lxc};

fn family() -> [GuestSpec; 3] {
    [
        guest(900).seal("ready").build(),
        guest(901).of(900).seal("ready").build(),
        guest(902).of(901).build(),
    ]
}

#[tokio::test]
async fn a_parent_that_is_dead_blocks_its_clones_and_they_go_on_by_themselves_after_it() {
    let site = Site::new().await;
    let fault = site.host.fault(Fault::new(FaultKind::Refuse).guest(lxc(900)).always());
    let _worker = site.worker();
    site.submit(&family()).await;
    let by = |guest, root| Standing::BlockedBy { guest: lxc(guest), root: lxc(root) };

    let states = site
        .until("the last one is blocked", |states| {
            states.get(&lxc(902)).is_some_and(|state| state.work.standing == by(901, 900))
                && matches!(states[&lxc(900)].work.standing, Standing::Dead { .. })
        })
        .await;

    assert_eq!(states[&lxc(901)].work.standing, by(900, 900));
    let letters = site.bus.dead_letters().await.unwrap();
    let letter = letters[0].letter.as_ref().unwrap();
    assert!(letter.cause.contains("a fault was asked for"), "{letter:#?}");
    let story: Vec<_> = letter.story.iter().map(|line| line.kind).collect();
    let wanted =
        [EventKind::Requested, EventKind::Claimed, EventKind::StepFailed, EventKind::Failed];
    assert_eq!((letters.len(), story.as_slice()), (1, wanted.as_slice()));

    site.host.without_fault(fault);
    site.submit(&family()[..1]).await;
    site.until_complete(&family()).await;
    site.assert_all_is_well().await;
}

#[tokio::test]
async fn a_guest_of_somebody_else_is_left_alone_until_a_human_has_decided() {
    let site = Site::new().await;
    let _worker = site.worker();
    site.submit(&[guest(900).build()]).await;
    site.until_complete(&[guest(900).build()]).await;
    site.host.give(lxc(900), Owner::Somebody);
    let files = site.host.files();
    let other = [guest(900).memory(1024).build()];
    site.submit(&other).await;

    site.until("a human is asked", |states| {
        states
            .get(&lxc(900))
            .is_some_and(|state| matches!(state.work.standing, Standing::Blocked { .. }))
    })
    .await;
    assert_eq!(site.host.files(), files);

    site.host.give(lxc(900), Owner::Phoenix);
    site.submit(&other).await;
    site.until_complete(&other).await;
    site.assert_all_is_well().await;
}

#[tokio::test]
async fn what_fails_in_passing_is_tried_again_later_and_completes() {
    let site = Site::new().await;
    site.host.fault(Fault::new(FaultKind::Fail).kind("create").times(4));
    let _worker = site.worker();
    site.submit(&[guest(900).build()]).await;

    site.until_complete(&[guest(900).build()]).await;

    let waited = site.until_told("it waits", |e| e.fact.kind() == EventKind::RetryWait).await;
    assert_eq!(waited.state.work.attempts, 1);
    site.assert_all_is_well().await;
}

#[tokio::test]
async fn what_goes_on_failing_is_given_up_after_as_many_attempts_as_were_set() {
    let site = Site::new().await;
    site.host.fault(Fault::new(FaultKind::Fail).kind("create").always());
    let _worker = site.worker_with("a", "run", &["--attempts", "2"]);
    site.submit(&[guest(900).build()]).await;

    let states = site
        .until("it is dead", |states| {
            states
                .get(&lxc(900))
                .is_some_and(|state| matches!(state.work.standing, Standing::Dead { .. }))
        })
        .await;

    assert_eq!(states[&lxc(900)].work.attempts, 2);
    let letters = site.bus.dead_letters().await.unwrap();
    let cause = &letters[0].letter.as_ref().unwrap().cause;
    assert!(cause.starts_with("tried 2 times"), "{cause}");
    site.assert_log_is_whole().await;
}
