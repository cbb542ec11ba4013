//! The log is gone, or is an old copy of itself: nothing is destroyed on its word.

use std::time::Duration;

use crate::dice::Dice;
use crate::field::{Field, pace};
use crate::invariants::Breach;
use crate::reading::Reading;

/// How long what was asked for may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Wipes the log, or puts back a copy of it, once all is complete or in the middle.
pub(super) async fn lost(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    field.host.set(&pace(dice.between(2, 20)));
    field.start();
    let is_wiped = dice.falls(50);
    let is_in_the_middle = dice.falls(50);
    field.submit_these(&[900]).await;
    let mut breaches = field.must_settle(PATIENCE).await;
    let copy = field.path("copy");
    if !is_wiped {
        field.server.back_up(&copy);
        field.server.restart();
    }
    field.submit().await;
    if is_in_the_middle {
        tokio::time::sleep(dice.millis(20, 800)).await;
    } else {
        breaches.extend(field.must_settle(PATIENCE).await);
    }
    if is_wiped {
        field.server.wipe();
    } else {
        field.server.restore(&copy);
    }
    field.harmed(1);
    if dice.falls(30) {
        field.workers.remove(0).kill();
        field.harmed(1);
    }
    field.server.restart();
    let there = Reading::guests(field.host.folder());
    // A worker has to be there before somebody submits: it makes the streams anew.
    field.revive().await;
    field.submit().await;
    breaches.extend(field.must_settle(PATIENCE).await);
    field.vouch().await;
    breaches.extend(field.must_settle(PATIENCE).await);
    let is_here = Reading::guests(field.host.folder());
    let gone = there.keys().filter(|name| !is_here.contains_key(*name));
    breaches.extend(gone.map(|name| Breach::of("I-3", format!("{name} is gone with the log"))));
    breaches
}
