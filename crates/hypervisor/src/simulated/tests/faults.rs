//! What goes wrong on demand, and how it heals.

use std::thread;
use std::time::Instant;

use phoenix_domain::Made;
use phoenix_testkit::guest;

use super::super::faults::strike;
use super::*;

#[tokio::test]
async fn a_fault_strikes_what_it_fits_when_its_time_has_come_and_no_more() {
    let host = host();
    let (first, second) = (guest(950).build(), guest(951).build());
    host.runs(&first).await;
    host.runs(&second).await;
    let of_second = GuestKey::from(&second);
    host.fault(Fault::new(FaultKind::Fail).guest(of_second).kind("take-snapshot").nth(2).times(2));

    host.does(&first, take("s1")).await.unwrap();
    host.does(&first, take("s2")).await.unwrap();
    host.does(&second, take("s1")).await.unwrap();
    host.does(&second, Change::Restart).await.unwrap();
    assert_eq!(admin::list_faults(host.path()).unwrap().len(), 1);
    for _ in 0..2 {
        assert!(is_for_now(&host.does(&second, take("s2")).await.unwrap_err()));
    }
    assert!(admin::list_faults(host.path()).unwrap().is_empty());
    host.does(&second, take("s2")).await.unwrap();
}

#[tokio::test]
async fn a_fault_without_an_end_is_there_until_it_is_removed_even_after_a_restart() {
    let host = host();
    let want = guest(950).build();
    let id = host.fault(Fault::new(FaultKind::Refuse).always());
    let again = Simulated::open(host.path(), Effects::InProcess).unwrap();
    for _ in 0..3 {
        let err = again.apply(&want, &create(&want), &Hand::default()).await.unwrap_err();
        assert!(is_for_good(&err), "{err}");
    }

    assert!(admin::remove_fault(host.path(), id).unwrap());
    assert!(!admin::remove_fault(host.path(), id).unwrap());
    host.does(&want, create(&want)).await.unwrap();
}

#[test]
fn a_fault_is_struck_by_one_of_many_at_once() {
    let host = host();
    host.fault(Fault::new(FaultKind::Fail).times(5));
    let folder = Folder::open(host.path()).unwrap();
    let key = GuestKey::from(&guest(950).build());

    let struck: usize = thread::scope(|scope| {
        let strikes =
            || (0..10).filter(|_| strike(&folder, key, "start").unwrap().is_some()).count();
        let all: Vec<_> = (0..4).map(|_| scope.spawn(strikes)).collect();
        all.into_iter().map(|one| one.join().unwrap()).sum()
    });

    assert_eq!(struck, 5);
}

#[tokio::test]
async fn a_lie_has_no_effect_and_a_lost_answer_has() {
    let host = host();
    let want = guest(950).build();
    host.fault(Fault::new(FaultKind::Lie));
    host.does(&want, create(&want)).await.unwrap();
    assert_eq!(host.look(&want).await.guest, None);

    host.fault(Fault::new(FaultKind::LoseAnswer));
    assert!(is_for_now(&host.does(&want, create(&want)).await.unwrap_err()));
    assert_eq!(host.guest(&want).await.made, Made::Whole);
}

#[tokio::test]
async fn a_creation_that_hangs_or_fails_in_its_middle_is_half_made() {
    let host = host_with(&Settings { limit_ms: 100, ..Settings::instant() });
    for (trouble, vmid) in [(FaultKind::Half, 950), (FaultKind::Hang { ms: None }, 951)] {
        let want = guest(vmid).build();
        host.fault(Fault::new(trouble.clone()));

        let err = host.does(&want, create(&want)).await.unwrap_err();

        let is_late = matches!(err, HostError::TimedOut { .. });
        assert_eq!(is_late, trouble != FaultKind::Half, "{err}");
        assert_eq!(host.guest(&want).await.made, Made::Half);
        let locked = host.does(&want, Change::Start).await.unwrap_err();
        assert!(matches!(locked, HostError::Locked { .. }), "{locked}");
        host.does(&want, Change::RemoveHalfMade).await.unwrap();
        host.does(&want, create(&want)).await.unwrap();
    }
}

#[tokio::test]
async fn a_lock_is_held_for_its_time() {
    let host = host();
    let want = guest(950).build();
    host.fault(Fault::new(FaultKind::Locked { ms: Some(150) }));
    let begun = Instant::now();
    let mut refused = 0;

    while let Err(err) = host.does(&want, create(&want)).await {
        assert!(matches!(err, HostError::Locked { .. }), "{err}");
        refused += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    assert!(refused > 1 && begun.elapsed() >= Duration::from_millis(150));
    assert!(admin::list_faults(host.path()).unwrap().is_empty());
}

#[tokio::test]
async fn a_host_that_is_gone_does_not_answer_to_looks_either() {
    let host = host();
    let want = guest(950).build();
    let id = host.fault(Fault::new(FaultKind::Gone).always());
    let looked = host.simulated.look(&want, Facets::Config).await.unwrap_err();
    assert!(matches!(looked, HostError::Unreachable { .. }));
    let changed = host.does(&want, create(&want)).await.unwrap_err();
    assert!(matches!(changed, HostError::Unreachable { .. }));

    admin::remove_fault(host.path(), id).unwrap();
    assert_eq!(host.look(&want).await.guest, None);
}

#[tokio::test]
async fn a_sick_guest_ails_until_it_is_mended_or_restarted_if_that_helps() {
    let host = host();
    let want = guest(950).features(&["qdrant"]).build();
    let key = GuestKey::from(&want);
    host.runs(&want).await;
    host.does(&want, Change::AwaitHealthy).await.unwrap();
    let broken = |until| Broken { how: Sickness::Hang, until };

    admin::break_service(host.path(), key, "qdrant", broken(Cure::Hand)).unwrap();
    let health = host.guest(&want).await.inside.unwrap().health;
    assert_eq!(health, Health::Ailing("qdrant hangs".to_owned()));
    assert!(is_for_now(&host.does(&want, Change::AwaitHealthy).await.unwrap_err()));
    host.does(&want, Change::Restart).await.unwrap();
    assert!(host.does(&want, Change::AwaitHealthy).await.is_err());
    admin::mend(host.path(), key, Some("qdrant")).unwrap();
    host.does(&want, Change::AwaitHealthy).await.unwrap();

    admin::break_service(host.path(), key, "qdrant", broken(Cure::Restart)).unwrap();
    host.does(&want, Change::Restart).await.unwrap();
    host.does(&want, Change::AwaitHealthy).await.unwrap();
}
