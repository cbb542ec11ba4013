//! A simulated host whose changes are made by children: what survives whom.

#![cfg(test)]

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use phoenix_domain::{Change, Facets, GuestKey, GuestSpec, Made, SeenGuest};
use phoenix_hypervisor::simulated::{
    Effects, Fault, FaultKind, Mark, Settings, Simulated, admin, init, twice,
};
use phoenix_hypervisor::{Hand, HostError, Hypervisor as _, Lock, LockError};
use phoenix_testkit::guest;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::{TempDir, tempdir};
use tokio::time::sleep;

type Is = fn(&HostError) -> bool;

fn host(settings: &Settings) -> (TempDir, Simulated) {
    let dir = tempdir().unwrap();
    init(dir.path(), settings).unwrap();
    let program = PathBuf::from(env!("CARGO_BIN_EXE_sim-change"));
    let effects = Effects::ByChild { program, arguments: Vec::<OsString>::new() };
    let host = Simulated::open(dir.path(), effects).unwrap();
    (dir, host)
}

fn create(want: &GuestSpec) -> Change {
    Change::Create {
        origin: want.origin.clone(),
        root_disk: want.root_disk.clone(),
        unprivileged: want.container().map(|container| container.unprivileged),
        properties: Vec::new(),
    }
}

async fn seen(host: &Simulated, want: &GuestSpec) -> Option<SeenGuest> {
    host.look(want, Facets::Config).await.unwrap().guest
}

/// Waits for a child to have begun a change, and returns its process.
async fn begun(dir: &Path, change: &Change) -> Pid {
    for _ in 0..1000 {
        let ledger = admin::ledger(dir).unwrap();
        let entry =
            ledger.iter().rev().find(|entry| entry.mark == Mark::Begun && entry.change == *change);
        if let Some(entry) = entry {
            return Pid::from_raw(i32::try_from(entry.pid).unwrap()).unwrap();
        }
        sleep(Duration::from_millis(5)).await;
    }
    panic!("it was never begun");
}

/// Kills a child as a crash would, and waits until it is gone.
async fn kill(dir: &Path, want: &GuestSpec, pid: Pid) {
    kill_process(pid, Signal::KILL).unwrap();
    let lock = dir.join("locks").join(format!("guest-{}", want.vmid));
    while Lock::try_take(&lock).is_err() {
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_child_makes_the_change_and_its_refusals_come_back_as_they_are() {
    let (dir, host) = host(&Settings { limit_ms: 20_000, ..Settings::instant() });
    let want = guest(950).build();
    let hand = Hand::default();
    host.apply(&want, &create(&want), &hand).await.unwrap();

    let twice = host.apply(&want, &create(&want), &hand).await.unwrap_err();
    assert!(matches!(&twice, HostError::Failed { why, .. } if why.contains("exists")), "{twice}");

    let troubles: [(FaultKind, Is); 5] = [
        (FaultKind::Locked { ms: None }, |err| matches!(err, HostError::Locked { .. })),
        (FaultKind::Full, |err| matches!(err, HostError::Full { .. })),
        (FaultKind::Gone, |err| matches!(err, HostError::Unreachable { .. })),
        (FaultKind::Refuse, |err| matches!(err, HostError::Impossible { .. })),
        (FaultKind::Fail, |err| matches!(err, HostError::Failed { .. })),
    ];
    for (trouble, is_it) in troubles {
        admin::add_fault(dir.path(), Fault::new(trouble).kind("start")).unwrap();
        let err = host.apply(&want, &Change::Start, &hand).await.unwrap_err();
        assert!(is_it(&err), "{err:?}");
    }
    host.apply(&want, &Change::Start, &hand).await.unwrap();
}

#[tokio::test]
async fn a_child_killed_in_the_middle_of_a_creation_leaves_it_half_made() {
    let (dir, host) = host(&Settings::instant());
    let want = guest(950).build();
    let fault = Fault::new(FaultKind::Hang { ms: None }).kind("create");
    admin::add_fault(dir.path(), fault).unwrap();

    let kills = async {
        let pid = begun(dir.path(), &create(&want)).await;
        // It has begun; it may not have taken the number yet.
        while seen(&host, &want).await.is_none() {
            sleep(Duration::from_millis(5)).await;
        }
        kill(dir.path(), &want, pid).await;
    };
    let (hand, change) = (Hand::default(), create(&want));
    let (made, ()) = tokio::join!(host.apply(&want, &change, &hand), kills);

    assert!(matches!(made.unwrap_err(), HostError::Failed { .. }));
    assert_eq!(seen(&host, &want).await.unwrap().made, Made::Half);
    let hand = Hand::default();
    let locked = host.apply(&want, &Change::Start, &hand).await.unwrap_err();
    assert!(matches!(locked, HostError::Locked { .. }), "{locked}");
    host.apply(&want, &Change::RemoveHalfMade, &hand).await.unwrap();
    host.apply(&want, &create(&want), &hand).await.unwrap();
    assert_eq!(seen(&host, &want).await.unwrap().made, Made::Whole);
    assert!(twice(&admin::ledger(dir.path()).unwrap()).is_empty());
}

#[tokio::test]
async fn a_child_killed_in_the_middle_of_another_change_leaves_what_was_before() {
    let (dir, host) = host(&Settings::instant());
    let want = guest(950).features(&["docker"]).build();
    let hand = Hand::default();
    host.apply(&want, &create(&want), &hand).await.unwrap();
    host.apply(&want, &Change::Start, &hand).await.unwrap();
    let file = dir.path().join("guests").join(format!("{}.json", GuestKey::from(&want)));
    let before = fs::read(&file).unwrap();
    let install = Change::InstallFeature { feature: want.features[0].clone() };
    let fault = Fault::new(FaultKind::Hang { ms: None }).kind("install-feature");
    admin::add_fault(dir.path(), fault).unwrap();

    let kills = async {
        let pid = begun(dir.path(), &install).await;
        kill(dir.path(), &want, pid).await;
    };
    let (made, ()) = tokio::join!(host.apply(&want, &install, &hand), kills);

    assert!(made.is_err());
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[tokio::test]
async fn a_child_outlives_who_started_it_and_holds_the_locks_of_the_hand() {
    let (dir, host) = host(&Settings::instant());
    let want = guest(950).build();
    let slow = Fault::new(FaultKind::Slow { ms: 600 }).kind("create");
    admin::add_fault(dir.path(), slow).unwrap();
    let path = dir.path().join("hand");
    let lock = Lock::try_take(&path).unwrap();
    let hand = Hand::holding([&lock]);
    let starter = tokio::spawn({
        let (host, want) = (host.clone(), want.clone());
        async move { host.apply(&want, &create(&want), &hand).await }
    });
    begun(dir.path(), &create(&want)).await;

    starter.abort();
    assert!(starter.await.unwrap_err().is_cancelled());
    drop(lock);

    assert!(matches!(Lock::try_take(&path), Err(LockError::Held { .. })));
    let second = host.apply(&want, &Change::Start, &Hand::default()).await.unwrap_err();
    assert!(matches!(second, HostError::Locked { .. }), "{second}");
    while Lock::try_take(&path).is_err() {
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(seen(&host, &want).await.unwrap().made, Made::Whole);
}

#[tokio::test]
async fn a_child_that_hangs_is_ended_at_its_deadline() {
    let settings = Settings { limit_ms: 300, grace_ms: 1000, ..Settings::instant() };
    let (dir, host) = host(&settings);
    let want = guest(950).build();
    let fault = Fault::new(FaultKind::Hang { ms: None }).kind("create");
    admin::add_fault(dir.path(), fault).unwrap();

    let err = host.apply(&want, &create(&want), &Hand::default()).await.unwrap_err();

    assert!(matches!(err, HostError::TimedOut { .. }), "{err}");
    assert_eq!(seen(&host, &want).await.unwrap().made, Made::Half);
}
