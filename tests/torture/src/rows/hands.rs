//! Somebody else is at the host, and somebody changes their mind.

use std::time::Duration;

use phoenix_domain::{GuestKey, Owner};

use crate::dice::Dice;
use crate::field::{Field, pace};
use crate::invariants::Breach;
use crate::reading::Reading;

/// Stops, removes and changes guests behind everybody's back while they are made; asked for again, all is as written.
pub(super) async fn others(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    field.host.set(&pace(dice.between(2, 30)));
    field.start();
    let numbers = field.fleet.numbers();
    field.submit().await;
    for _ in 0..dice.between(2, 10) {
        tokio::time::sleep(dice.millis(5, 250)).await;
        let guest: GuestKey = format!("lxc-{}", dice.one_of(&numbers[1..])).parse().unwrap();
        // It may not be there yet, or somebody is at it.
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            if dice.falls(50) { field.host.halt(guest) } else { field.host.remove(guest) }
        }));
        field.harmed(u64::from(done.is_ok()));
    }
    let mut breaches = field.must_settle(Duration::from_mins(1)).await;
    field.retry_all().await;
    breaches.extend(field.must_settle(Duration::from_mins(1)).await);
    breaches
}

/// Gives the numbers of guests to somebody else: theirs are left alone whatever is asked for.
pub(super) async fn foreign(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    field.host.set(&pace(dice.between(2, 20)));
    field.start();
    field.submit().await;
    let mut breaches = field.must_settle(Duration::from_mins(1)).await;
    let name = format!("lxc-{}", dice.one_of(&[910, 911, 912]));
    field.host.give(name.parse().unwrap(), Owner::Somebody);
    field.harmed(1);
    let guests = Reading::guests(field.host.folder());
    field.others.insert(name.clone(), guests[&name].clone());
    for guest in field.fleet.0.values_mut().filter(|guest| !guest.is_template) {
        guest.memory = 768;
    }
    field.plant(field.fleet.clone());
    field.submit().await;
    breaches.extend(field.must_settle(Duration::from_mins(1)).await);
    let number = name.trim_start_matches("lxc-");
    // It is refused, or asks a human; either way nothing may come of it.
    field.types(&["delete", "--yes", number]).await;
    breaches.extend(field.must_settle(Duration::from_mins(1)).await);
    breaches
}

/// Cancels in the middle of anything, and asks for all once more.
pub(super) async fn cancels(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    field.host.set(&pace(dice.between(5, 40)));
    field.start();
    let numbers = field.fleet.numbers();
    for _ in 0..dice.between(2, 6) {
        field.submit().await;
        tokio::time::sleep(dice.millis(5, 500)).await;
        let number = dice.one_of(&numbers).to_string();
        // What is complete has nothing that could be cancelled.
        field.types(&["cancel", &number]).await;
        field.harmed(1);
    }
    let breaches = field.must_settle(Duration::from_mins(1)).await;
    field.submit().await;
    breaches
}

/// Deletes guests in the middle of being made: nothing of them is left, and nothing else is touched.
pub(super) async fn deletes(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    field.host.set(&pace(dice.between(5, 40)));
    field.start();
    field.submit().await;
    tokio::time::sleep(dice.millis(5, 1500)).await;
    field.insists(&["delete", "--yes", "--detach", "912"]).await;
    field.harmed(1);
    if dice.falls(50) {
        tokio::time::sleep(dice.millis(5, 300)).await;
        field.workers.remove(0).kill();
        field.harmed(1);
    }
    let mut breaches = field.must_settle(Duration::from_mins(1)).await;
    if Reading::guests(field.host.folder()).contains_key("lxc-912") {
        breaches.push(Breach::of("I-15", "lxc-912 was deleted, and is there"));
    }
    field.submit().await;
    breaches
}

/// Wants guests to be otherwise again and again while they are made: they end as they are wanted last.
pub(super) async fn otherwise(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    field.host.set(&pace(dice.between(5, 30)));
    field.start();
    field.submit().await;
    for _ in 0..dice.between(4, 12) {
        tokio::time::sleep(dice.millis(0, 150)).await;
        let mut fleet = field.fleet.clone();
        for guest in fleet.0.values_mut() {
            guest.memory = 256 * dice.between(1, 16);
        }
        field.plant(fleet);
        field.submit().await;
        field.harmed(1);
    }
    Vec::new()
}
