//! Guests that are made again: the old one stands beside the new one, and nothing of it is lost.

use phoenix_domain::{Fate, Goal, GuestSpec, Owner, Property, Run, Vmid};
use phoenix_engine::Outcome;
use phoenix_testkit::Builder;

use super::everywhere::on_storage;
use crate::ground::{AGAIN, Ground, begun};

/// A guest with a volume, of which nothing is lost when it is made again.
fn expendable<G: Ground>(guest: Builder) -> GuestSpec {
    let guest = guest.volume("data", "/data", 1).at_boot();
    let mut want = on_storage(guest.build(), G::STORAGE);
    want.health.stateless = Some(true);
    want
}

fn beside(vmid: u64) -> Vmid {
    Vmid::try_from(vmid).unwrap()
}

/// Fails unless one old guest stands there, nobody's and still, and the new one is whole.
async fn assert_made_again<G: Ground>(ground: &G, want: &GuestSpec, there: Vmid, said: &str) {
    let seen = ground.look(want).await;
    assert_eq!(seen.aside, [(begun().run, there)].into(), "{said}");
    assert!(seen.kept.is_empty(), "{said}: {:?}", seen.kept);
    let new = seen.guest.unwrap();
    assert_eq!((new.run, &new.volumes), (Run::Running, &want.volumes), "{said}");
    let old = ground.look(&GuestSpec { vmid: there, ..want.clone() }).await.guest.unwrap();
    assert_eq!((old.owner, old.run), (Owner::Somebody, Run::Stopped), "{said}");
    assert!(old.volumes.is_empty(), "{said}: {:?}", old.volumes);
    let boots = |property: &Property| matches!(property, Property::Boot(boot) if boot.at_boot);
    assert!(!old.properties.iter().any(boots), "{said}: it does not start by itself");
    assert_eq!(ground.arrive(want).await, 0, "{said}");
}

pub(crate) async fn a_guest_that_is_made_again_gets_its_volumes_and_its_old_one_nothing_more<
    G: Ground,
>(
    ground: &G,
) {
    ground.arrive(&ground.guest(900).seal("ready").build()).await;
    let want = expendable::<G>(ground.clone_of(900, 950));
    ground.arrive(&want).await;

    let outcome = ground.walk(&want, AGAIN).await;

    let Outcome::Arrived { aside, changes, .. } = outcome else { unreachable!("{outcome:?}") };
    assert_eq!(aside.get(&begun().run), Some(&beside(950_000)));
    assert!(changes > 3, "{changes}");
    assert_made_again(ground, &want, beside(950_000), "at once").await;
    let again = ground.walk(&want, AGAIN).await;
    assert!(matches!(again, Outcome::Arrived { changes: 0, .. }), "once a run: {again:?}");
}

pub(crate) async fn a_guest_whose_making_again_is_stopped_anywhere_is_set_aside_once<G: Ground>(
    ground: &G,
) {
    ground.arrive(&ground.guest(900).seal("ready").build()).await;
    let want = |vmid| expendable::<G>(ground.clone_of(900, vmid));
    ground.arrive(&want(950)).await;
    let outcome = ground.walk(&want(950), AGAIN).await;
    let Outcome::Arrived { changes: all, .. } = outcome else { unreachable!("{outcome:?}") };
    for after in 0..all {
        let vmid = 951 + u64::from(after);
        ground.arrive(&want(vmid)).await;
        let cut = ground.walk_cut(&want(vmid), AGAIN, usize::try_from(after).unwrap()).await;
        assert!(matches!(cut, Outcome::Halted { .. }), "cut after {after}: {cut:?}");

        let outcome = ground.walk(&want(vmid), AGAIN).await;

        assert!(matches!(outcome, Outcome::Arrived { .. }), "cut after {after}: {outcome:?}");
        let said = format!("cut after {after}");
        assert_made_again(ground, &want(vmid), beside(vmid * 1000), &said).await;
    }
}

pub(crate) async fn what_is_not_to_be_made_again_is_not_touched<G: Ground>(ground: &G) {
    let declared = |mut spec: GuestSpec| {
        spec.health.stateless = Some(true);
        spec
    };
    let undeclared = ground.guest(950).build();
    let parent = declared(ground.guest(900).seal("ready").build());
    let was_parent = declared(ground.guest(900).build());
    for want in [&undeclared, &parent] {
        ground.arrive(want).await;
    }
    for (want, why) in [
        (&undeclared, "its file does not say that nothing is lost by that"),
        (&parent, "others are cloned from it"),
        (&was_parent, "others are cloned from it"),
    ] {
        let before = ground.look(want).await;

        let outcome = ground.walk(want, AGAIN).await;

        let Outcome::Stuck { err, .. } = outcome else { unreachable!("{outcome:?}") };
        assert_eq!(err.to_string(), format!("the guest is not made again: {why}"));
        assert_eq!(ground.look(want).await, before);
    }
}

pub(crate) async fn what_could_not_be_made_again_stays_as_it_is<G: Ground>(ground: &G) {
    let parent = ground.guest(900).seal("ready").build();
    ground.arrive(&parent).await;
    let want = expendable::<G>(ground.clone_of(900, 950));
    ground.arrive(&want).await;
    ground.walk(&parent, Goal::Absent { volumes: Fate::Kept }).await;
    let before = ground.look(&want).await;

    let outcome = ground.walk(&want, AGAIN).await;

    let Outcome::Stuck { err, .. } = outcome else { unreachable!("{outcome:?}") };
    assert_eq!(err.to_string(), "its parent 900 cannot be cloned yet");
    assert_eq!(ground.look(&want).await, before);
}
