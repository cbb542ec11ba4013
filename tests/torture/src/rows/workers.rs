//! Workers that are killed whenever.

use crate::dice::Dice;
use crate::field::{Field, pace};
use crate::invariants::Breach;

/// Kills workers and starts others, while guests are made.
pub(super) async fn killed(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    field.host.set(&pace(dice.between(2, 40)));
    let side_by_side = dice.between(1, 3);
    for _ in 0..side_by_side {
        field.start();
    }
    field.submit().await;
    for _ in 0..dice.between(3, 8) {
        tokio::time::sleep(dice.millis(5, 500)).await;
        let nth = usize::try_from(dice.between(0, side_by_side)).unwrap();
        field.workers.remove(nth).kill();
        field.harmed(1);
        field.start();
    }
    Vec::new()
}
