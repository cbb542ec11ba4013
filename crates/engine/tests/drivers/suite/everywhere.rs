//! What every host can do, and what only real containers show.

use futures_util::future::join_all;
use phoenix_domain::{Fate, Goal, GuestSpec, Run, VolumeSource};
use phoenix_engine::Outcome;

use crate::ground::{Ground, Plain, on_net};

pub(crate) async fn a_guest_is_made_once<G: Ground>(ground: &G) {
    let want = ground.guest(950).build();

    assert!(ground.arrive(&want).await > 0);

    let seen = ground.look(&want).await.guest.unwrap();
    assert_eq!(seen.run, Run::Running);
    assert!(seen.boot.is_some());
    assert_eq!(ground.arrive(&want).await, 0, "the second time costs nothing");
    assert_eq!(ground.look(&want).await.guest.unwrap().boot, seen.boot);
}

pub(crate) async fn a_clone_is_like_its_parent_and_is_nobody_else<G: Ground>(ground: &G) {
    let parent = ground.guest(900).cores(2).memory(256).template().build();
    ground.arrive(&parent).await;
    let sealed = ground.look(&parent).await.guest.unwrap();
    assert_eq!((sealed.run, sealed.template.is_some()), (Run::Stopped, true));

    let child = ground.clone_of(900, 950).memory(128).name("chat").build();
    ground.arrive(&child).await;

    let seen = ground.look(&child).await.guest.unwrap();
    assert_eq!(seen.run, Run::Running);
    for property in child.properties() {
        assert!(seen.properties.contains(&property), "{property:?}: {:?}", seen.properties);
    }
    assert_eq!(seen.template, None);
    assert_eq!(ground.arrive(&child).await, 0);
    assert_eq!(ground.arrive(&parent).await, 0);
    if let Some(name) = ground.file(950, "/etc/hostname") {
        assert_eq!(name.trim(), "chat");
    }
}

pub(crate) async fn a_clone_of_a_snapshot_has_what_was_there_then<G: Ground>(ground: &G) {
    let parent = ground.guest(900).cores(2).seal("ready").build();
    ground.arrive(&parent).await;
    ground.arrive(&ground.guest(900).cores(4).seal("ready").build()).await;

    let child = ground.clone_of(900, 950).cores(2).build();
    ground.arrive(&child).await;

    assert_eq!(ground.arrive(&child).await, 0);
    assert!(!ground.look(&parent).await.guest.unwrap().snapshots.is_empty());
}

pub(crate) async fn properties_are_changed_with_a_restart_where_one_is_needed<G: Ground>(
    ground: &G,
) {
    let before = ground.guest(950).cores(1).memory(128).build();
    ground.arrive(&before).await;
    let boot = ground.look(&before).await.guest.unwrap().boot;

    let live = ground.guest(950).cores(2).memory(192).build();
    assert!(ground.arrive(&live).await > 0);
    assert_eq!(ground.look(&live).await.guest.unwrap().boot, boot, "it went on running");

    let named = ground.guest(950).cores(2).memory(192).name("renamed").build();
    assert!(ground.arrive(&named).await > 0);
    let seen = ground.look(&named).await.guest.unwrap();
    assert_ne!(seen.boot, boot, "a name needs a restart");
    assert_eq!(seen.run, Run::Running);
    assert_eq!(ground.arrive(&named).await, 0);
}

pub(crate) async fn volumes_outlive_their_guest_and_are_found_again<G: Ground>(ground: &G) {
    let with =
        |place: &str| on_storage(ground.guest(950).volume("data", place, 1).build(), G::STORAGE);
    let want = with("/data");
    ground.arrive(&want).await;
    assert_eq!(ground.look(&want).await.guest.unwrap().volumes, want.volumes);
    assert_eq!(ground.arrive(&want).await, 0);

    let moved = with("/other");
    ground.arrive(&moved).await;
    assert_eq!(ground.look(&moved).await.guest.unwrap().volumes, moved.volumes);

    let outcome = ground.walk(&moved, Goal::Absent { volumes: Fate::Kept }).await;
    assert!(matches!(outcome, Outcome::Arrived { .. }), "{outcome:?}");
    let seen = ground.look(&moved).await;
    assert_eq!((seen.guest, seen.kept.len()), (None, 1));

    ground.arrive(&moved).await;
    assert!(ground.look(&moved).await.kept.is_empty(), "it is mounted again");
    ground.walk(&moved, Goal::Absent { volumes: Fate::Destroyed }).await;
    assert!(ground.look(&moved).await.kept.is_empty(), "it is gone");
}

pub(crate) async fn what_is_wanted_stopped_stops_and_what_is_wanted_gone_goes<G: Ground>(
    ground: &G,
) {
    let want = ground.guest(950).build();
    ground.arrive(&want).await;
    for (goal, run) in [(Goal::Stopped, Run::Stopped), (Goal::Running, Run::Running)] {
        let outcome = ground.walk(&want, goal).await;
        assert!(matches!(outcome, Outcome::Arrived { changes: 1.., .. }), "{outcome:?}");
        assert_eq!(ground.look(&want).await.guest.unwrap().run, run);
    }
    let outcome = ground.walk(&want, Goal::Absent { volumes: Fate::Kept }).await;
    assert!(matches!(outcome, Outcome::Arrived { .. }), "{outcome:?}");
    assert_eq!(ground.look(&want).await.guest, None);
    let outcome = ground.walk(&want, Goal::Absent { volumes: Fate::Kept }).await;
    assert!(matches!(outcome, Outcome::Arrived { changes: 0, .. }), "{outcome:?}");
}

pub(crate) async fn a_guest_that_is_not_ours_is_left_alone<G: Ground>(ground: &G) {
    let want = ground.guest(950).build();
    ground.arrive(&want).await;
    ground.disown(&want);
    let before = ground.look(&want).await;

    for goal in [Goal::Present, Goal::Stopped, Goal::Absent { volumes: Fate::Kept }] {
        let outcome = ground.walk(&ground.guest(950).cores(2).build(), goal).await;
        assert!(format!("{outcome:?}").contains("NotOurs"), "{outcome:?}");
    }

    assert_eq!(ground.look(&want).await, before);
    let outcome = ground.walk(&want, Goal::Adopted).await;
    assert!(matches!(outcome, Outcome::Arrived { .. }), "{outcome:?}");
    assert_eq!(ground.arrive(&want).await, 0);
}

pub(crate) async fn a_walk_that_is_stopped_anywhere_goes_on_to_the_same_end<G: Ground>(ground: &G) {
    let want = |vmid| {
        let guest = ground.guest(vmid).cores(2).volume("data", "/data", 1).disk(2).seal("ready");
        on_storage(guest.build(), G::STORAGE)
    };
    let all = ground.arrive(&want(950)).await;
    let whole = ground.look(&want(950)).await.guest.unwrap();
    for after in 0..all {
        let vmid = 951 + u64::from(after);
        let cut =
            ground.walk_cut(&want(vmid), Goal::Present, usize::try_from(after).unwrap()).await;
        assert!(matches!(cut, Outcome::Halted { .. }), "cut after {after}: {cut:?}");

        ground.arrive(&want(vmid)).await;

        let seen = ground.look(&want(vmid)).await.guest.unwrap();
        assert_eq!(
            (seen.run, &seen.root_disk, seen.volumes.len()),
            (whole.run, &whole.root_disk, 1)
        );
        assert_eq!(seen.snapshots.len(), whole.snapshots.len(), "cut after {after}");
        assert_eq!(ground.arrive(&want(vmid)).await, 0, "cut after {after}");
    }
}

pub(crate) async fn many_clones_of_one_parent_are_made_at_once<G: Ground>(ground: &G) {
    ground.arrive(&ground.guest(900).template().build()).await;
    let children: Vec<_> = (950..958).map(|vmid| ground.clone_of(900, vmid).build()).collect();

    join_all(children.iter().map(|child| ground.arrive(child))).await;

    for child in &children {
        assert_eq!(ground.look(child).await.guest.unwrap().run, Run::Running);
    }
}

/// A subvolume is a folder that cannot be removed like one.
pub(crate) async fn a_guest_with_subvolumes_of_its_own_can_be_removed(ground: &Plain) {
    let want = ground.guest(950).build();
    ground.arrive(&want).await;
    for path in ["var/lib/machines", "var/lib/machines/one"] {
        ground.lab.subvolume(Plain::STORAGE, 950, path);
    }

    let outcome = ground.walk(&want, Goal::Absent { volumes: Fate::Kept }).await;

    assert!(matches!(outcome, Outcome::Arrived { .. }), "{outcome:?}");
    assert_eq!(ground.look(&want).await.guest, None);
}

/// Whoever is killed while it copies a guest that stands still for that leaves it so.
pub(crate) async fn a_guest_that_was_left_frozen_runs_again(ground: &Plain) {
    ground.feature("tool", "#!/bin/sh\nexit 0\n");
    ground.arrive(&ground.guest(950).build()).await;
    ground.lab.freeze(950);

    // In a guest that stands still nothing can be run.
    assert!(ground.arrive(&ground.guest(950).features(&["tool"]).build()).await > 0);
}

pub(crate) async fn a_volume_that_grew_is_found_again_in_its_size(ground: &Plain) {
    let want = |gibibytes| {
        let guest = ground.guest(950).volume("data", "/data", gibibytes).build();
        on_storage(guest, Plain::STORAGE)
    };
    ground.arrive(&want(1)).await;
    ground.arrive(&want(2)).await;

    ground.walk(&want(2), Goal::Absent { volumes: Fate::Kept }).await;

    let seen = ground.look(&want(2)).await;
    assert_eq!((seen.guest, seen.kept), (None, want(2).volumes));
}

/// What only real containers show.
pub(crate) async fn a_guest_has_its_limits_and_its_address_for_real(ground: &Plain) {
    let want = on_net(ground.guest(950).memory(64).build(), "dhcp");
    ground.arrive(&want).await;
    let seen = ground.look(&want).await.guest.unwrap();
    let [address] = seen.addresses.as_slice() else { unreachable!("{:?}", seen.addresses) };
    assert!(address.to_string().starts_with("10.77.0."), "{address}");
    let map = ground.lab.inside(950, &["cat", "/proc/self/uid_map"]);
    assert_eq!(map.split_whitespace().collect::<Vec<_>>(), ["0", "100000", "65536"]);
    assert_eq!(ground.lab.inside(950, &["stat", "-c", "%u", "/etc/hostname"]).trim(), "0");

    let fixed = on_net(ground.guest(951).build(), "10.77.0.9/24");
    ground.arrive(&fixed).await;
    let seen = ground.look(&fixed).await.guest.unwrap();
    assert_eq!(seen.addresses, ["10.77.0.9".parse::<std::net::IpAddr>().unwrap()]);
}

pub(super) fn on_storage(mut want: GuestSpec, to: &str) -> GuestSpec {
    for volume in &mut want.volumes {
        if let VolumeSource::Storage { storage, .. } = &mut volume.source {
            *storage = to.parse().unwrap();
        }
    }
    want
}
