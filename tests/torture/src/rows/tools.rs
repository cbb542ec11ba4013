//! Tools that hang, fail, lie, or say that all went well; and whoever runs them cleans up.

use std::collections::BTreeMap;
use std::time::Duration;

use phoenix_testkit::host::{Fault, FaultKind, Settings};

use crate::dice::Dice;
use crate::field::{Field, pace};
use crate::invariants::Breach;

/// What changes a tool can hang or fail in here.
const KINDS: [&str; 5] = ["create", "install-feature", "start", "attach", "take-snapshot"];

/// Has changes hang: they are ended at their deadline, and made after all; also where the worker that began one is
/// there no more.
pub(super) async fn hang(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    let limit = dice.between(300, 900);
    field.host.set(&Settings { limit_ms: limit, lock_wait_ms: 100, ..pace(3) });
    for _ in 0..dice.between(1, 5) {
        let fault = Fault::new(FaultKind::Hang { ms: None }).kind(dice.one_of::<&str>(&KINDS));
        field.host.fault(fault.nth(u32::try_from(dice.between(1, 4)).unwrap()));
    }
    field.start();
    field.submit().await;
    for _ in 0..dice.between(0, 3) {
        tokio::time::sleep(dice.millis(50, 900)).await;
        field.workers.remove(0).kill();
        field.harmed(1);
        field.start();
    }
    let breaches = field.must_settle(Duration::from_mins(1)).await;
    field.harmed_by_what_came();
    breaches
}

/// Has changes fail in every way they can, and everything is made after all.
pub(super) async fn fail(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    field.host.set(&Settings { latencies_ms: BTreeMap::new(), ..pace(3) });
    let ways = [
        FaultKind::Fail,
        FaultKind::LoseAnswer,
        FaultKind::Lie,
        FaultKind::Slow { ms: 400 },
        FaultKind::Locked { ms: Some(300) },
        FaultKind::Full,
        FaultKind::Gone,
    ];
    for _ in 0..dice.between(3, 9) {
        let fault = Fault::new(dice.one_of(&ways).clone()).kind(dice.one_of::<&str>(&KINDS));
        field.host.fault(fault.nth(u32::try_from(dice.between(1, 4)).unwrap()));
    }
    if dice.falls(60) {
        let nth = u32::try_from(dice.between(1, 5)).unwrap();
        field.host.fault(Fault::new(FaultKind::LoseAnswer).kind("install-feature").nth(nth));
    }
    if dice.falls(30) {
        field.host.fault(Fault::new(FaultKind::Half).kind("create"));
    }
    if dice.falls(30) {
        let nth = u32::try_from(dice.between(1, 10)).unwrap();
        field.host.fault(Fault::new(FaultKind::Gone).kind("look").nth(nth));
    }
    field.start();
    field.submit().await;
    let breaches = field.must_settle(Duration::from_mins(1)).await;
    field.harmed_by_what_came();
    breaches
}
