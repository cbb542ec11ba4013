//! Guests that are changed so that they can go back to what they were.

use phoenix_domain::{
    Back, Goal, GuestSpec, MebiBytes, NoWayBack, Property, Refusal, Safety, SpecDigest, SpecText,
};
use phoenix_engine::{Outcome, StepError};

use super::everywhere::on_storage;
use crate::ground::{Ground, Listening};

fn guarded(was: &GuestSpec) -> Safety {
    let spec = SpecText::of(was).unwrap();
    let back = Back { digest: SpecDigest::of(was), stands_on: Vec::new(), spec };
    let snapshot = "before-that".parse().unwrap();
    Safety::Guarded { snapshot, hold_s: 1, back: Box::new(back) }
}

fn returned() -> Safety {
    let snapshot = "before-that".parse().unwrap();
    Safety::Returned { snapshot, why: "it failed".to_owned(), letter: 1 }
}

async fn walk<G: Ground>(
    ground: &G,
    want: &GuestSpec,
    safety: &Safety,
    journal: &Listening,
) -> Outcome {
    let way = safety.around(want, Goal::Present.way(want, None));
    ground.walk_way(want, &way, journal).await.0
}

fn larger(was: &GuestSpec) -> GuestSpec {
    GuestSpec { memory: MebiBytes(640), ..was.clone() }
}

fn changes(outcome: &Outcome) -> u32 {
    let Outcome::Arrived { changes, .. } = outcome else { unreachable!("{outcome:?}") };
    *changes
}

async fn memory<G: Ground>(ground: &G, want: &GuestSpec) -> Option<Property> {
    let seen = ground.look(want).await.guest.unwrap();
    assert!(seen.snapshots.is_empty(), "{:?}", seen.snapshots);
    seen.properties.into_iter().find(|property| matches!(property, Property::Memory(_)))
}

pub(crate) async fn a_guest_that_is_changed_safely_keeps_no_snapshot<G: Ground>(ground: &G) {
    let was = ground.guest(950).memory(512).build();
    ground.arrive(&was).await;
    let want = larger(&was);
    let all = Listening::default();

    let made = changes(&walk(ground, &want, &guarded(&was), &all).await);

    assert!(made >= 3, "a snapshot, the change, and no snapshot: {made}");
    assert_eq!(memory(ground, &want).await, Some(Property::Memory(MebiBytes(640))));
    assert_eq!(ground.arrive(&want).await, 0);
    let again = walk(ground, &want, &guarded(&was), &all).await;
    assert_eq!(changes(&again), 0, "nothing is to be changed, so nothing is kept either");
}

pub(crate) async fn a_guest_whose_change_is_stopped_anywhere_goes_back<G: Ground>(ground: &G) {
    let was = |vmid| ground.guest(vmid).memory(512).build();
    ground.arrive(&was(950)).await;
    let all = changes(
        &walk(ground, &larger(&was(950)), &guarded(&was(950)), &Listening::default()).await,
    );
    // After the last change there is nothing to go back to any more.
    for after in 0..all {
        let vmid = 951 + u64::from(after);
        let (was, want) = (was(vmid), larger(&was(vmid)));
        ground.arrive(&was).await;
        let most = Listening::until(usize::try_from(after).unwrap());
        let cut = walk(ground, &want, &guarded(&was), &most).await;
        assert!(matches!(cut, Outcome::Halted { .. }), "cut after {after}: {cut:?}");
        // Whoever goes back may be stopped as well.
        let first = Listening::until(1);
        let _cut = walk(ground, &was, &returned(), &first).await;

        let outcome = walk(ground, &was, &returned(), &Listening::default()).await;

        changes(&outcome);
        let memory = memory(ground, &was).await;
        assert_eq!(memory, Some(Property::Memory(MebiBytes(512))), "cut after {after}");
        assert_eq!(ground.arrive(&was).await, 0, "cut after {after}");
    }
}

pub(crate) async fn what_could_not_go_back_is_not_touched<G: Ground>(ground: &G) {
    let parent = ground.guest(900).memory(512).seal("ready").build();
    let was = ground.guest(950).memory(512).build();
    for spec in [&parent, &was] {
        ground.arrive(spec).await;
    }
    let mut grown = larger(&was);
    grown.root_disk.size.0 += 1;
    for (want, was, wanted) in
        [(larger(&parent), &parent, NoWayBack::Parent), (grown, &was, NoWayBack::Growth)]
    {
        assert_refused(ground, &want, was, wanted).await;
    }
}

pub(crate) async fn a_guest_whose_volumes_would_go_back_is_not_touched<G: Ground>(ground: &G) {
    let was = ground.guest(950).memory(512).volume("data", "/data", 1).build();
    let was = on_storage(was, G::STORAGE);
    ground.arrive(&was).await;

    assert_refused(ground, &larger(&was), &was, NoWayBack::Volumes).await;
}

async fn assert_refused<G: Ground>(
    ground: &G,
    want: &GuestSpec,
    was: &GuestSpec,
    wanted: NoWayBack,
) {
    let outcome = walk(ground, want, &guarded(was), &Listening::default()).await;

    let Outcome::Stuck { err: StepError::Refused(Refusal::NoWayBack(none)), .. } = outcome else {
        unreachable!("{outcome:?}")
    };
    assert_eq!(none, wanted);
    assert_eq!(ground.arrive(was).await, 0, "nothing was touched");
}

pub(crate) async fn what_was_written_since_is_gone_but_not_from_volumes<G: Ground>(ground: &G) {
    let mark = |text: &str| format!("echo {text} >> /root/mark; echo {text} >> /data/mark\n");
    ground.feature("marked", &mark("first"));
    let was = ground.guest(950).features(&["marked"]).volume("data", "/data", 1).build();
    let was = on_storage(was, G::STORAGE);
    ground.arrive(&was).await;
    ground.feature("more", &mark("second"));
    let mut want = was.clone();
    want.features.push("more".parse().unwrap());
    let cut = Listening::until(3);
    let halted = walk(ground, &want, &guarded(&was), &cut).await;
    assert!(matches!(halted, Outcome::Halted { .. }), "{halted:?}");
    assert_eq!(ground.file(950, "/root/mark").as_deref(), Some("first\nsecond\n"));

    changes(&walk(ground, &was, &returned(), &Listening::default()).await);

    assert_eq!(ground.file(950, "/root/mark").as_deref(), Some("first\n"));
    assert_eq!(ground.file(950, "/data/mark").as_deref(), Some("first\nsecond\n"));
    assert_eq!(ground.arrive(&was).await, 0);
}
