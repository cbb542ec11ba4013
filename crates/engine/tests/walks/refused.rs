//! What no walk reaches: it says whom to ask, and changes nothing.

use phoenix_domain::{GuestSpec, Owner, Refusal, Verdict};
use phoenix_engine::{Outcome, StepError};
use phoenix_hypervisor::HostError;
use phoenix_hypervisor::simulated::{Fault, FaultKind, admin};
use phoenix_testkit::guest;

use crate::host::{Host, changes, host};

#[expect(clippy::panic, reason = "an arrival should stop the test")]
async fn stuck(host: &Host, want: &GuestSpec) -> StepError {
    match host.walk(want).await {
        Outcome::Stuck { err, .. } => err,
        outcome @ (Outcome::Arrived { .. } | Outcome::Halted { .. }) => panic!("{outcome:?}"),
    }
}

/// Walks to one wish, and then to another that is refused.
#[expect(clippy::panic, reason = "another error should stop the test")]
async fn asked(first: &GuestSpec, then: &GuestSpec) -> Refusal {
    let host = host();
    host.arrive(first).await;
    let before = host.guests();

    let err = stuck(&host, then).await;

    assert_eq!(err.verdict(), Verdict::AskHuman, "{err}");
    assert!(err.advice().is_some());
    assert_eq!(host.guests(), before);
    let StepError::Refused(refusal) = err else { panic!("{err}") };
    refusal
}

#[tokio::test]
async fn a_guest_that_is_not_ours_is_not_touched() {
    let host = host();
    let want = guest(950).build();
    host.arrive(&want).await;
    admin::give(host.dir.path(), (&want).into(), Owner::Somebody).unwrap();
    let before = host.guests();

    let err = stuck(&host, &guest(950).cores(9).build()).await;

    assert!(matches!(err, StepError::Refused(Refusal::NotOurs)), "{err}");
    assert_eq!(host.guests(), before);
}

#[tokio::test]
async fn disks_do_not_shrink() {
    let root = asked(&guest(950).disk(8).build(), &guest(950).disk(4).build()).await;
    assert!(matches!(root, Refusal::WouldShrink { .. }));

    let with = |size| guest(950).volume("data", "/data", size).build();
    let volume = asked(&with(8), &with(4)).await;
    assert!(matches!(volume, Refusal::WouldShrink { .. }));
}

#[tokio::test]
async fn what_is_fixed_stays() {
    let plain = guest(950).build();
    for other in [guest(950).privileged().build(), guest(950).storage("local-zfs").build()] {
        assert!(matches!(asked(&plain, &other).await, Refusal::Fixed { .. }));
    }
    let template = guest(950).template().build();
    assert!(matches!(asked(&template, &plain).await, Refusal::Fixed { .. }));
    let holds = |feature| guest(950).features(&[feature]).template().build();
    assert!(matches!(asked(&holds("docker"), &holds("nginx")).await, Refusal::Fixed { .. }));
}

#[tokio::test]
async fn a_clone_does_not_become_the_clone_of_another() {
    let host = host();
    for parent in [900, 901] {
        host.arrive(&guest(parent).seal("base").build()).await;
    }
    host.arrive(&guest(950).of(900).build()).await;
    let before = host.guests();

    for other in [guest(950).of(901), guest(950)] {
        let err = stuck(&host, &other.build()).await;
        assert!(matches!(err, StepError::Refused(Refusal::Fixed { .. })), "{err}");
    }

    assert_eq!(host.guests(), before);
}

#[tokio::test]
async fn a_clone_waits_for_its_parent() {
    let host = host();
    let (parent, child) = (guest(900).seal("base").build(), guest(950).of(900).build());

    let err = stuck(&host, &child).await;

    assert!(matches!(err, StepError::Refused(Refusal::ParentNotReady { .. })), "{err}");
    assert_eq!(err.verdict(), Verdict::Retry);
    host.arrive(&parent).await;
    host.arrive(&child).await;
}

#[tokio::test]
async fn what_the_host_will_never_do_is_given_up() {
    for want in [
        guest(950).gpus("7").build(),
        guest(950).template_with("base").build(),
        guest(950).directory("/srv", "/srv").seal("base").build(),
    ] {
        let host = host();

        let err = stuck(&host, &want).await;

        assert!(matches!(&err, StepError::NotMade { err: HostError::Impossible { .. }, .. }));
        assert_eq!(err.verdict(), Verdict::GiveUp, "{err}");
    }
}

#[tokio::test]
async fn a_host_that_cannot_now_may_do_so_later() {
    for trouble in [FaultKind::Locked { ms: None }, FaultKind::Full, FaultKind::Gone] {
        let host = host();
        let want = guest(950).build();
        host.fault(Fault::new(trouble.clone()));

        let err = stuck(&host, &want).await;

        let passes = matches!(err.verdict(), Verdict::Retry | Verdict::Wait);
        assert!(passes, "{err}");
        assert!(host.ledger().is_empty(), "{trouble:?}");
        host.arrive(&want).await;
    }
}

#[tokio::test]
async fn what_passes_is_tried_again_at_once_and_what_does_not_is_not() {
    let want = guest(950).build();
    let host = host();
    host.fault(Fault::new(FaultKind::Fail).kind("create").times(2));
    changes(&host.walk_patiently(&want, 3).await);

    let host = self::host();
    host.fault(Fault::new(FaultKind::Refuse).kind("create"));
    let Outcome::Stuck { err, .. } = host.walk_patiently(&want, 3).await else { panic!() };
    assert_eq!(err.verdict(), Verdict::GiveUp);
    assert!(host.ledger().is_empty());
}
