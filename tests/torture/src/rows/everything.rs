//! Operations nobody planned, and faults of every kind among them.

use std::time::Duration;

use phoenix_domain::GuestKey;
use phoenix_testkit::host::{Fault, FaultKind, Moment};

use crate::dice::Dice;
use crate::field::{Field, pace};
use crate::fleet::{FEATURES, Fleet};
use crate::invariants::Breach;

/// Makes twenty guests, asks for other things of them all the time, and lets everything go wrong meanwhile.
pub(super) async fn at_once(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    let operations = field.programs.operations;
    field.host.set(&pace(dice.between(2, 15)));
    field.plant(Fleet::of(19));
    field.start();
    field.start();
    field.submit().await;
    for _ in 0..operations {
        operate(field, dice).await;
        if dice.falls(40) {
            harm(field, dice).await;
        }
        field.revive().await;
    }
    field.harmed_by_what_came();
    let breaches = field.must_settle(Duration::from_mins(2)).await;
    // What was given up, cancelled or removed meanwhile is asked for once more, now that nothing goes wrong.
    field.retry_all().await;
    field.submit().await;
    breaches
}

/// Does one thing that an operator does.
async fn operate(field: &mut Field, dice: &mut Dice) {
    let numbers = field.fleet.numbers();
    let number = *dice.one_of(&numbers[1..]);
    let text = number.to_string();
    match dice.between(0, 10) {
        0..=3 => {
            let mut fleet = field.fleet.clone();
            fleet.0.get_mut(&number).unwrap().memory = 256 * dice.between(1, 8);
            field.plant(fleet);
            field.types(&["submit", "--detach", &text]).await;
        }
        4 | 5 => {
            let mut fleet = field.fleet.clone();
            let features = &mut fleet.0.get_mut(&number).unwrap().features;
            let more = *dice.one_of(&FEATURES[1..]);
            if !features.contains(&more) {
                features.push(more);
            }
            field.plant(fleet);
            field.types(&["submit", "--detach", &text]).await;
        }
        6 => drop(field.types(&["cancel", &text]).await),
        7 => drop(field.types(&["stop", "--detach", &text]).await),
        8 => drop(field.types(&["restart", "--detach", &text]).await),
        _ => drop(field.types(&["delete", "--yes", "--detach", &text]).await),
    }
}

/// Has something go wrong.
async fn harm(field: &mut Field, dice: &mut Dice) {
    let numbers = field.fleet.numbers();
    let guest: GuestKey = format!("lxc-{}", dice.one_of(&numbers[1..])).parse().unwrap();
    match dice.between(0, 8) {
        0 | 1 => {
            field.workers.remove(0).kill();
            field.start();
        }
        2 => {
            field.server.kill();
            tokio::time::sleep(dice.millis(0, 300)).await;
            field.server.restart();
        }
        3 => {
            let at = *dice.one_of(&[Moment::Before, Moment::During, Moment::After]);
            field.host.fault(Fault::new(FaultKind::KillStarter { at }).guest(guest));
            return;
        }
        4 | 5 => {
            let ways = [FaultKind::Fail, FaultKind::LoseAnswer, FaultKind::Slow { ms: 200 }];
            field.host.fault(Fault::new(dice.one_of(&ways).clone()).guest(guest));
            return;
        }
        6 => {
            field.workers[0].freeze();
            tokio::time::sleep(dice.millis(100, 1500)).await;
            field.workers[0].thaw();
        }
        _ => {
            let all = format!("phoenix.work.main.pve1.std.{guest}");
            (0..20).for_each(|_| field.server.publish(&all, ""));
        }
    }
    field.harmed(1);
}
