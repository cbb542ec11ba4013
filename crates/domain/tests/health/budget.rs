//! What is left to be repaired with, and how often repairs were held back.

use phoenix_domain::health::{Curb, Maintenance, Mode, Reason, Rung, Selector, Word};

use crate::ward::{Service, Ward, key, patient, time};

fn dead() -> Service {
    Service::failing(Reason::EngineDead)
}

fn observe(ward: &mut Ward) {
    ward.order(Word::Mode { guest: None, mode: Mode::Observe });
}

/// Returns what has held repairs back, and how often.
fn held_back(ward: &Ward) -> Vec<(Curb, u64)> {
    let counts = Curb::ALL.into_iter().map(|curb| (curb, ward.watch.guards().held_back(curb)));
    counts.filter(|(_, count)| *count > 0).collect()
}

#[test]
fn a_repair_takes_one_of_the_budget_of_its_guest_and_of_the_fleet_and_time_gives_both_back() {
    let mut ward = Ward::new([patient(950), patient(951)]);
    let left = |ward: &Ward| {
        let of = |vmid| ward.watch.repairs_left(key(vmid)).unwrap();
        (of(950), of(951), ward.watch.guests_left())
    };
    ward.run(60);
    let before = left(&ward);

    ward.fail(950, dead().mended_by(Rung::Service));
    ward.run(120);
    let after = left(&ward);
    ward.run(600);
    let later = left(&ward);
    ward.run(3600);
    let much_later = left(&ward);

    assert_eq!(ward.rungs(), [Rung::Service]);
    assert_eq!([before, after, later, much_later], [(4, 4, 2), (3, 4, 1), (3, 4, 2), (4, 4, 2)]);
    assert_eq!(ward.watch.repairs_left(key(999)), None);
}

#[test]
fn a_repair_that_is_held_back_counts_once_however_long_it_is_and_again_when_the_guest_fails_anew() {
    let mut ward = Ward::new([patient(950)]);
    observe(&mut ward);
    ward.run(60);
    ward.fail(950, dead());

    for _ in 0..6 {
        ward.run(600);
        // All guests are attended to again.
        observe(&mut ward);
    }
    let once = held_back(&ward);
    ward.fail(950, Service::well());
    ward.run(20 * 60);
    ward.fail(950, dead());
    ward.run(600);

    assert_eq!(once, [(Curb::Mode, 1)]);
    assert_eq!(held_back(&ward), [(Curb::Mode, 2)]);
}

#[test]
fn each_reason_counts_for_itself_and_what_serves_or_is_repaired_counts_for_none() {
    let mut ward = Ward::new([patient(950), patient(951), patient(952)]);
    ward.order(Word::Maintenance(Maintenance {
        id: "m-1".into(),
        selector: Selector::Guest(key(950)),
        from: time(0),
        to: time(900),
        who: "ops".to_owned(),
        why: "new disks".to_owned(),
        is_warned: false,
    }));
    ward.run(60);
    ward.fail(950, dead());
    ward.fail(951, dead().mended_by(Rung::Service));
    ward.run(600);
    let maintained = held_back(&ward);

    ward.order(Word::OpenBreaker { by: "ops".to_owned(), why: "no".to_owned() });
    ward.run(600);

    assert_eq!(maintained, [(Curb::Maintenance, 1)]);
    assert_eq!(held_back(&ward), [(Curb::Breaker, 1), (Curb::Maintenance, 1)]);
    assert_eq!(ward.rungs(), [Rung::Service]);
}

#[test]
fn a_guest_that_was_repaired_as_often_as_it_may_be_counts_as_one_repair_that_was_held_back() {
    let mut ward = Ward::new([patient(950)]);
    ward.run(60);
    for _ in 0..4 {
        ward.fail(950, dead().mended_by(Rung::Service));
        ward.run(13 * 60);
    }
    ward.fail(950, dead());

    ward.run(120);

    assert_eq!(ward.watch.repairs_left(key(950)), Some(0));
    ward.run(600);
    assert_eq!(ward.rungs().len(), 4);
    assert_eq!(held_back(&ward), [(Curb::Budget, 1)]);
}

#[test]
fn another_watch_goes_on_counting_where_the_first_ended() {
    let mut ward = Ward::new([patient(950)]);
    observe(&mut ward);
    ward.run(60);
    ward.fail(950, dead());
    ward.run(600);

    ward.hand_over();
    ward.run(600);

    assert_eq!(held_back(&ward), [(Curb::Mode, 1)]);
}
