//! A worker stands still for longer than it may, another one comes, and the first one wakes.

use std::time::Duration;

use crate::dice::Dice;
use crate::field::{Field, pace};
use crate::invariants::Breach;

/// Freezes workers in the middle and thaws them later.
pub(super) async fn worker(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    field.host.set(&pace(dice.between(5, 60)));
    field.start();
    field.submit().await;
    field.until(Duration::from_secs(20), |field| field.lines() > 0).await;
    for _ in 0..dice.between(1, 3) {
        tokio::time::sleep(dice.millis(0, 300)).await;
        let frozen = field.workers.remove(0);
        frozen.freeze();
        field.harmed(1);
        field.start();
        // A worker may be silent for one second here.
        tokio::time::sleep(dice.millis(1200, 2500)).await;
        frozen.thaw();
        field.workers.push(frozen);
    }
    Vec::new()
}

/// Freezes the server for a while: its connections stay, and nobody answers on them.
pub(super) async fn server(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    field.host.set(&pace(dice.between(5, 40)));
    field.start();
    field.submit().await;
    for _ in 0..dice.between(1, 3) {
        tokio::time::sleep(dice.millis(0, 300)).await;
        field.server.freeze();
        field.harmed(1);
        tokio::time::sleep(dice.millis(300, 3000)).await;
        field.server.thaw();
    }
    Vec::new()
}
