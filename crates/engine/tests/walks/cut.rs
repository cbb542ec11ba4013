//! A walk can be cut short anywhere, any number of times, and ends in the same place.

use std::collections::BTreeSet;

use phoenix_domain::{Begun, Change, Goal, GuestKey, GuestSpec, Kind, Phase, Repair, Verdict};
use phoenix_engine::Outcome;
use phoenix_hypervisor::simulated::{Entry, Fault, FaultKind, Mark, twice};

use phoenix_testkit::guest;

use crate::host::{Host, changes, host, walk_the};
use crate::specs::{Case, cases};

/// Returns a host on which everything is there but the guest itself.
async fn prepared(case: &Case) -> Host {
    let host = host();
    for want in &case.before {
        host.arrive(want).await;
    }
    host
}

/// What a change can be cut short by: before its effect, after it, in its middle, and unseen.
const CUTS: [FaultKind; 4] =
    [FaultKind::Fail, FaultKind::LoseAnswer, FaultKind::Half, FaultKind::Lie];

/// Returns what was done to a guest, in order.
fn done(host: &Host, want: &GuestSpec) -> Vec<Change> {
    let done = |entry: &Entry| entry.mark == Mark::Done && entry.guest == GuestKey::from(want);
    host.ledger().into_iter().filter(done).map(|entry| entry.change).collect()
}

/// Says whether nobody can see afterwards whether a change was made: so a lie about it is believed,
/// and it is made again where its answer was lost.
fn leaves_no_trace(want: &GuestSpec, change: &Change) -> bool {
    let before = want.machine().and_then(|machine| machine.before_features.as_ref());
    matches!(change, Change::TakeSnapshot { name, .. } if Some(name) == before)
}

/// Returns what was made although it was there, and could be seen to be there.
fn made_twice(host: &Host, want: &GuestSpec) -> Vec<Change> {
    let ledger = host.ledger();
    let made = twice(&ledger).into_iter().map(|entry| entry.change.clone());
    made.filter(|change| !leaves_no_trace(want, change)).collect()
}

#[tokio::test]
async fn a_second_walk_changes_nothing() {
    for case in cases() {
        let host = prepared(&case).await;
        assert!(host.arrive(&case.want).await > 0, "{}", case.name);
        let guests = host.guests();

        let again = host.arrive(&case.want).await;

        assert_eq!(again, 0, "{}", case.name);
        assert_eq!(host.guests(), guests, "{}", case.name);
    }
}

#[tokio::test]
async fn an_arrived_guest_is_completed() {
    for case in cases() {
        let host = prepared(&case).await;

        host.arrive(&case.want).await;

        assert_eq!(host.phase(&case.want).await, Phase::Completed, "{}", case.name);
    }
}

#[tokio::test]
async fn a_walk_cut_short_anywhere_ends_in_the_same_place() {
    cut_anywhere(Kind::Container).await;
}

#[tokio::test]
async fn a_walk_of_a_machine_cut_short_anywhere_ends_in_the_same_place() {
    cut_anywhere(Kind::Machine).await;
}

async fn cut_anywhere(kind: Kind) {
    for case in cases().into_iter().filter(|case| case.want.kind() == kind) {
        let whole = prepared(&case).await;
        let all = whole.arrive(&case.want).await;
        let made = done(&whole, &case.want);
        assert_eq!(made.len(), all as usize);
        for trouble in CUTS {
            for (nth, change) in (1..).zip(&made) {
                if trouble == FaultKind::Lie && leaves_no_trace(&case.want, change) {
                    continue;
                }
                let said = format!("{}, {trouble:?} at {nth} of {all}", case.name);
                let cut = prepared(&case).await;
                let guest = GuestKey::from(&case.want);
                cut.fault(Fault::new(trouble.clone()).guest(guest).nth(nth));

                let first = cut.walk(&case.want).await;
                assert!(
                    matches!(&first, Outcome::Stuck { err, .. } if err.verdict() == Verdict::Retry),
                    "{said}: {first:?}"
                );
                cut.arrive(&case.want).await;

                assert_eq!(cut.guests(), whole.guests(), "{said}");
                assert_eq!(made_twice(&cut, &case.want), [], "{said}");
            }
        }
    }
}

#[tokio::test]
async fn a_walk_whose_every_change_fails_once_ends_in_the_same_place() {
    for case in cases() {
        for trouble in CUTS.into_iter().filter(|trouble| *trouble != FaultKind::Lie) {
            let whole = prepared(&case).await;
            let all = whole.arrive(&case.want).await;
            let cut = prepared(&case).await;
            let guest = GuestKey::from(&case.want);
            // Of what is done twice only the second time is well; a creation needs a removal more.
            for nth in 0..2 * all {
                cut.fault(Fault::new(trouble.clone()).guest(guest).nth(2 * nth + 1));
            }

            let mut walks = 0;
            while let Outcome::Stuck { err, .. } = cut.walk(&case.want).await {
                assert_eq!(err.verdict(), Verdict::Retry, "{}: {err}", case.name);
                walks += 1;
                assert!(walks <= 4 * all, "{}: it never arrives", case.name);
            }

            assert_eq!(cut.guests(), whole.guests(), "{}, {trouble:?}", case.name);
        }
    }
}

#[tokio::test]
async fn an_effect_whose_answer_was_lost_is_not_made_again() {
    for case in cases() {
        let whole = prepared(&case).await;
        let all = whole.arrive(&case.want).await;
        let host = prepared(&case).await;
        let guest = GuestKey::from(&case.want);
        for kind in done(&whole, &case.want).iter().map(Change::kind).collect::<BTreeSet<_>>() {
            let lost = Fault::new(FaultKind::LoseAnswer).guest(guest).kind(kind);
            host.fault(lost.always());
        }

        let outcome = host.walk_patiently(&case.want, 30).await;

        assert_eq!(changes(&outcome), all, "{}", case.name);
        assert_eq!(host.guests(), whole.guests(), "{}", case.name);
        assert_eq!(made_twice(&host, &case.want), [], "{}", case.name);
    }
}

#[tokio::test]
async fn a_guest_whose_making_again_is_cut_short_anywhere_is_set_aside_once() {
    let mut want = guest(950).of(900).volume("data", "/data", 8).features(&["nginx"]).build();
    want.health.stateless = Some(true);
    let case = Case { name: "again", before: vec![guest(900).seal("base").build()], want };
    let there = async || {
        let host = prepared(&case).await;
        host.arrive(&case.want).await;
        host
    };
    let again = Goal::Repaired { by: Repair::Recreate };
    let way = again.way(&case.want, Some(&Begun::foretold(None)));
    let whole = there().await;
    let mark = done(&whole, &case.want).len();
    changes(&walk_the(&way, &whole.simulated, &case.want).await);
    let made: Vec<_> = done(&whole, &case.want).split_off(mark);
    for trouble in CUTS {
        for (nth, change) in (1..).zip(&made) {
            let said = format!("{trouble:?} at {nth}, {change}");
            let cut = there().await;
            cut.fault(Fault::new(trouble.clone()).guest(GuestKey::from(&case.want)).nth(nth));

            let first = walk_the(&way, &cut.simulated, &case.want).await;
            assert!(matches!(first, Outcome::Stuck { .. }), "{said}: {first:?}");
            changes(&walk_the(&way, &cut.simulated, &case.want).await);

            assert_eq!(cut.guests(), whole.guests(), "{said}");
            assert_eq!(made_twice(&cut, &case.want), [], "{said}");
        }
    }
}
