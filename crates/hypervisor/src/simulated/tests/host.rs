//! It is there again after a restart, it locks, and it counts its room.

use std::fs;

use phoenix_domain::{Made, Property, Run};
use phoenix_testkit::{guest, machine};

use super::*;

#[tokio::test]
async fn what_was_made_is_there_after_a_restart() {
    let host = host();
    let want = guest(950).build();
    host.runs(&want).await;

    let again = Simulated::open(host.path(), Effects::InProcess).unwrap();
    let seen = again.look(&want, Facets::Inside).await.unwrap().guest.unwrap();

    assert_eq!((seen.made, seen.run), (Made::Whole, Run::Running));
    assert!(seen.inside.is_some());
}

#[tokio::test]
async fn a_host_that_was_never_made_or_is_gone_is_not_reachable() {
    let is_unreachable = |err| matches!(err, HostError::Unreachable { .. });
    let dir = tempdir().unwrap();
    let never = Simulated::open(dir.path(), Effects::InProcess).unwrap_err();
    assert!(is_unreachable(never));

    let host = host();
    fs::remove_dir_all(host.path()).unwrap();
    let want = guest(950).build();
    let looked = host.simulated.look(&want, Facets::Config).await.unwrap_err();
    assert!(is_unreachable(looked));
    assert!(is_unreachable(host.does(&want, create(&want)).await.unwrap_err()));
}

#[tokio::test]
async fn to_make_a_host_twice_takes_nothing_away() {
    let host = host();
    let want = guest(950).build();
    host.runs(&want).await;

    init(host.path(), &Settings { cores: 3, ..Settings::instant() }).unwrap();

    assert_eq!(host.guest(&want).await.run, Run::Running);
    assert_eq!(host.simulated.inventory().await.unwrap().cores, 3);
}

#[tokio::test]
async fn a_guest_at_which_a_change_is_is_locked_for_others() {
    let host = host();
    let (want, other) = (guest(950).build(), guest(951).build());
    host.does(&want, create(&want)).await.unwrap();
    host.fault(Fault::new(FaultKind::Slow { ms: 400 }).kind("start"));

    let second = async {
        while admin::ledger(host.path()).unwrap().len() < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        host.does(&other, create(&other)).await.unwrap();
        host.does(&want, take("s1")).await.unwrap_err()
    };
    let (first, second) = tokio::join!(host.does(&want, Change::Start), second);

    first.unwrap();
    assert!(matches!(second, HostError::Locked { .. }), "{second}");
    host.does(&want, take("s1")).await.unwrap();
}

#[tokio::test]
async fn a_clone_has_what_its_parent_had_when_it_was_sealed() {
    let host = host();
    let parent = guest(900).cores(8).features(&["docker"]).volume("v", "/v", 1).build();
    host.runs(&parent).await;
    let contents = parent.contents();
    let to = parent.properties();
    let install = |name: &str| Change::InstallFeature { feature: name.parse().unwrap() };
    let name = "base".parse().unwrap();
    let child = guest(950).of(900).build();
    assert_eq!(host.look(&child).await.parent, SeenParent::NotReady);
    for change in [
        Change::SetProperties { to },
        Change::Attach { volume: parent.volumes[0].clone() },
        install("docker"),
        Change::TakeSnapshot { name, contents: Some(contents) },
        install("nginx"),
    ] {
        host.does(&parent, change).await.unwrap();
    }
    assert_eq!(host.look(&child).await.parent, SeenParent::Ready);

    host.runs(&child).await;

    let seen = host.guest(&child).await;
    assert!(seen.properties.contains(&Property::Cores(Some(8))));
    assert_eq!(seen.volumes, parent.volumes);
    assert!(seen.snapshots.is_empty());
    let features: Vec<_> = seen.inside.unwrap().features.into_iter().collect();
    assert_eq!(features, parent.features, "nginx came after the snapshot");
}

#[tokio::test]
async fn what_waits_for_a_restart_is_seen_to_wait() {
    let host = host();
    let want = guest(950).gpus("0").build();
    host.runs(&want).await;
    let set = |property| Change::SetProperties { to: vec![property] };

    host.does(&want, set(Property::Cores(Some(2)))).await.unwrap();
    assert_eq!(host.guest(&want).await.run, Run::Running);
    host.does(&want, set(Property::Gpus(want.gpus.clone()))).await.unwrap();
    assert_eq!(host.guest(&want).await.run, Run::RunningStale);
    host.does(&want, Change::Restart).await.unwrap();
    assert_eq!(host.guest(&want).await.run, Run::Running);
}

#[tokio::test]
async fn room_is_counted_and_given_back() {
    let storages = [("local".to_owned(), 10)].into();
    let settings = Settings { storages, unlisted_storage_gib: None, ..Settings::instant() };
    let host = host_with(&settings);
    let (six, four, none) = (guest(950).disk(6), guest(951).disk(5), guest(952).storage("nowhere"));
    let (six, four, none) = (six.build(), four.build(), none.build());
    host.does(&six, create(&six)).await.unwrap();
    assert_eq!(host.simulated.inventory().await.unwrap().storages["local"], 4);

    let full = host.does(&four, create(&four)).await.unwrap_err();
    assert!(matches!(full, HostError::Full { .. }), "{full}");
    let grown = Change::GrowRootDisk { to: phoenix_domain::GibiBytes(11) };
    assert!(matches!(host.does(&six, grown).await.unwrap_err(), HostError::Full { .. }));
    assert!(is_for_good(&host.does(&none, create(&none)).await.unwrap_err()));
    admin::remove(host.path(), (&six).into()).unwrap();
    host.does(&four, create(&four)).await.unwrap();
}

#[tokio::test]
async fn a_machine_begins_with_the_disk_of_its_image_and_without_an_agent() {
    let host = host();
    let want = machine(800).disk(8).build();
    host.runs(&want).await;

    let seen = host.guest(&want).await;
    assert_eq!(seen.root_disk.size.0, 2);
    assert!(!seen.inside.unwrap().agent_answers);
    host.does(&want, Change::AwaitAgent).await.unwrap();
    assert!(host.guest(&want).await.inside.unwrap().agent_answers);
    host.does(&want, Change::Restart).await.unwrap();
    assert!(!host.guest(&want).await.inside.unwrap().agent_answers);
}

#[tokio::test]
async fn a_volume_that_is_mounted_again_is_the_same_one() {
    let host = host();
    let want = guest(950).volume("data", "/data", 4).build();
    host.runs(&want).await;
    let attach = |size| Change::Attach {
        volume: guest(950).volume("data", "/data", size).build().volumes.remove(0),
    };
    let detach = Change::Detach { place: "/data/".parse().unwrap() };
    host.does(&want, attach(9)).await.unwrap();
    host.does(&want, detach.clone()).await.unwrap();
    assert!(host.guest(&want).await.volumes.is_empty());

    host.does(&want, attach(4)).await.unwrap();

    let nine = guest(950).volume("data", "/data", 9).build().volumes;
    assert_eq!(host.guest(&want).await.volumes, nine);
    host.does(&want, detach.clone()).await.unwrap();
    host.does(&want, detach).await.unwrap();
}
