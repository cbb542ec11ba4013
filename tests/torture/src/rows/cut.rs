//! A worker is cut off from NATS for a while, and goes on where it stood, or another one does.

use crate::cable::Cable;
use crate::dice::Dice;
use crate::field::{Field, pace};
use crate::invariants::Breach;

/// Cuts the cable in one direction or in both; now and then a worker with a cable of its own comes meanwhile.
pub(super) async fn off(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    field.host.set(&pace(dice.between(5, 60)));
    let cable = Cable::to(&field.server.url()).await;
    field.via = Some(cable.url.clone());
    field.start();
    field.submit().await;
    for _ in 0..dice.between(1, 4) {
        tokio::time::sleep(dice.millis(10, 500)).await;
        let [there, back] = *dice.one_of(&[[true, true], [true, false], [false, true]]);
        cable.cut(there, back);
        field.harmed(1);
        if dice.falls(40) {
            field.via = None;
            field.start();
        }
        tokio::time::sleep(dice.millis(200, 3000)).await;
        cable.cut(false, false);
    }
    Vec::new()
}
