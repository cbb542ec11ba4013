//! Servers that are killed, and are there again with what they had.

use std::thread;

use crate::dice::Dice;
use crate::field::{Field, pace};
use crate::invariants::Breach;

/// Kills the server while guests are made; now and then a worker with it.
pub(super) async fn killed(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    field.host.set(&pace(dice.between(2, 40)));
    field.start();
    field.submit().await;
    for _ in 0..dice.between(2, 6) {
        tokio::time::sleep(dice.millis(5, 600)).await;
        field.server.kill();
        field.harmed(1);
        if dice.falls(30) {
            field.workers.remove(0).kill();
            field.harmed(1);
            field.start();
        }
        thread::sleep(dice.millis(0, 300));
        field.server.restart();
    }
    Vec::new()
}
