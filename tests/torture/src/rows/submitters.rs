//! Whoever submits is killed: all of a request is in the log then, or nothing of it.

use std::collections::BTreeSet;

use phoenix_testkit::worker::Start;

use crate::dice::Dice;
use crate::field::Field;
use crate::invariants::Breach;
use crate::reading::{Reading, text};

/// Kills who submits, again and again, and lets the last one through.
pub(super) async fn killed(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for _ in 0..dice.between(4, 10) {
        let start = Start::new(&field.programs.phoenix(), &field.path("submit.log"))
            .with(&["submit", "--detach", "912", "--config", &field.path(".").to_string_lossy()])
            .told("NATS_URL", &field.server.url())
            .told("USER", "kim");
        let mut child = start.go();
        tokio::time::sleep(dice.millis(5, 250)).await;
        child.kill();
        field.harmed(1);
        let reading = Reading::of(field).unwrap();
        let events = reading.events();
        let asked: BTreeSet<_> = events.iter().map(|(_, event)| text(event, "/subject")).collect();
        if ![0, field.fleet.0.len()].contains(&asked.len()) {
            breaches.push(Breach::of("I-2", format!("only {asked:?} were asked for")));
        }
    }
    field.start();
    field.submit().await;
    breaches
}
