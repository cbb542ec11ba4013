//! What is doubled, late, in another order, or not ours at all is in nobody's way.

use std::time::Duration;

use crate::dice::Dice;
use crate::field::{Field, pace};
use crate::invariants::Breach;
use crate::reading::Reading;

/// Publishes wake-up tokens of all guests many times, while they are made and afterwards.
pub(super) async fn tokens(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    field.host.set(&pace(dice.between(2, 20)));
    field.start();
    field.start();
    field.submit().await;
    let numbers = field.fleet.numbers();
    for _ in 0..dice.between(20, 60) {
        for _ in 0..dice.between(2, 50) {
            let guest = *dice.one_of(&numbers);
            field.server.publish(&format!("phoenix.work.main.pve1.std.lxc-{guest}"), "");
            field.harmed(1);
        }
        tokio::time::sleep(dice.millis(0, 30)).await;
    }
    Vec::new()
}

/// Publishes what nobody of ours would, wherever ours do.
pub(super) async fn messages(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    field.start();
    field.submit().await;
    let knows = |field: &Field| field.said().contains("every guest's state is known");
    field.until(Duration::from_secs(20), knows).await;
    // What comes while no worker is there is found as well, as long as nothing of ours comes after it.
    let is_late = dice.falls(50);
    if is_late {
        field.workers.clear();
    }
    let deep = [vec![b'['; 5000], vec![b']'; 5000]].concat();
    let bodies: [&[u8]; 7] = [
        b"",
        b"\x00not ours\r\n",
        b"{\"id\":\"\xff\xfe\"}",
        b"{}",
        b"[]",
        b"{\"specversion\":\"1.0\",\"type\":\"dev.phoenix.guest.requested.v9\"}",
        &deep,
    ];
    let mut published = 0;
    for nth in 0..dice.between(5, 20) {
        let body = *dice.one_of(&bodies);
        let guest = 950 + nth;
        let subject = match dice.between(0, 3) {
            0 => format!("phoenix.log.main.lxc-{guest}"),
            1 => format!("phoenix.log.main.nobody-{nth}"),
            _ => format!("phoenix.log.main.lxc-{}", dice.one_of(&field.fleet.numbers())),
        };
        field.server.publish(&subject, body);
        published += 1;
        field.harmed(1);
        tokio::time::sleep(dice.millis(0, 60)).await;
    }
    if is_late {
        field.start();
    }
    assert!(!field.server.is_taken("phoenix.log.main.lxc-999", &vec![b'x'; 10 << 20]));
    let mut breaches = field.must_settle(Duration::from_mins(1)).await;
    let is_filed =
        |field: &Field| Reading::of(field).is_ok_and(|reading| reading.letters.len() >= published);
    if !field.until(Duration::from_secs(20), is_filed).await {
        let filed = Reading::of(field).map(|reading| reading.letters.len()).unwrap_or_default();
        breaches.push(Breach::of("I-16", format!("{filed} of {published} were filed")));
    }
    breaches
}
