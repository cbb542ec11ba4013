//! The log is gone, or is an old copy of itself: nothing is destroyed on its word.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::dice::Dice;
use crate::field::{Field, pace};
use crate::invariants::Breach;
use crate::reading::{Reading, text};

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
    breaches.extend(goes_on_without_the_log(field, &there).await);
    breaches
}

/// Has all go on where the log has lost something, and looks whether a guest that was there went with it.
pub(super) async fn goes_on_without_the_log(
    field: &mut Field,
    there: &BTreeMap<String, Value>,
) -> Vec<Breach> {
    let mut breaches = Vec::new();
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

/// Sets the log back to before the template was made anew, and asks for it to be made anew once more: that would
/// destroy what its clones are made from, on the word of a log that went backwards.
pub(super) async fn backwards(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    field.host.set(&pace(dice.between(2, 20)));
    field.start();
    field.submit_these(&[900]).await;
    let mut breaches = field.must_settle(PATIENCE).await;
    let copy = field.path("copy");
    field.server.back_up(&copy);
    field.server.restart();
    wants(field, "nginx").await;
    breaches.extend(field.must_settle(PATIENCE).await);
    let before = removed(field);
    field.server.restore(&copy);
    field.server.restart();
    field.harmed(1);
    if dice.falls(50) {
        field.workers.remove(0).kill();
        field.harmed(1);
    }
    field.revive().await;
    wants(field, "redis").await;
    breaches.extend(field.must_settle(PATIENCE).await);
    if removed(field) != before {
        breaches.push(Breach::of("I-4", "a snapshot was removed on the word of an old log"));
    }
    field.vouch().await;
    breaches.extend(field.must_settle(PATIENCE).await);
    field.submit().await;
    breaches
}

/// Asks for one more feature of the template.
async fn wants(field: &mut Field, feature: &'static str) {
    let mut fleet = field.fleet.clone();
    fleet.0.get_mut(&900).unwrap().features.push(feature);
    field.plant(fleet);
    field.submit_these(&[900]).await;
}

/// Returns how often the removal of a snapshot was begun.
fn removed(field: &Field) -> usize {
    let ledger: Vec<Value> = Reading::ledger(field.host.folder());
    ledger.iter().filter(|line| text(line, "/kind") == "remove-snapshot").count()
}
