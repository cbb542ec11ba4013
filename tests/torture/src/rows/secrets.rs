//! Workers on a made-up Proxmox node are killed, its commands hang and fail, and a secret is nowhere but where it is
//! kept.

use std::time::Duration;

use phoenix_fake_proxmox::{Fault, What, When};

use crate::canary::Canary;
use crate::dice::Dice;
use crate::field::Field;
use crate::fleet::Fleet;
use crate::invariants::Breach;
use crate::node::{GUEST, Node};
use crate::reading::Reading;

/// The commands that a container of the example takes.
const COMMANDS: [(&str, &str); 5] = [
    ("pct", "create"),
    ("pct", "set"),
    ("pct", "start"),
    ("pct", "snapshot"),
    ("lxc-attach", "-n"),
];

/// Makes a database with a password there, whatever happens.
pub(super) async fn kept(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    let kept = field.path("kept");
    std::fs::create_dir_all(&kept).unwrap();
    let mut canary = Canary::kept_in(&kept);
    let node = Node::with_a_secret(&field.path(""), &canary.file);
    let faults = dice.between(1, 4);
    for _ in 0..faults {
        let (program, verb) = *dice.one_of(&COMMANDS);
        let when = *dice.one_of(&[When::Before, When::During, When::After]);
        let ways = [
            What::KillStarter { when },
            What::KillAll { when },
            What::LoseAnswer,
            What::Slow { ms: 300 },
        ];
        node.pve.fault(Fault::new(dice.one_of(&ways).clone()).of(program, verb).vmid(GUEST));
    }
    field.node = Some(node);
    // What is looked at of a simulated host is not there.
    field.fleet = Fleet::none();
    field.start();
    field.submit_these(&[GUEST]).await;
    for _ in 0..dice.between(0, 3) {
        tokio::time::sleep(dice.millis(50, 1500)).await;
        field.workers.remove(0).kill();
        field.harmed(1);
        field.start();
    }
    let mut breaches = field.must_settle(Duration::from_mins(1)).await;
    let node = field.node.take().unwrap();
    field.harmed(faults - u64::try_from(node.pve.faults_left()).unwrap());
    breaches.extend(node.broken());
    breaches.extend(seen(field, &node, &mut canary));
    field.node = Some(node);
    breaches
}

/// Returns where the secret was seen.
fn seen(field: &mut Field, node: &Node, canary: &mut Canary) -> Vec<Breach> {
    let mut places = canary.in_processes();
    if canary.is_in(field.said().as_bytes()) {
        places.push("what a worker said".to_owned());
    }
    let Ok(reading) = Reading::of(field) else { return Vec::new() };
    if reading.log.iter().any(|message| canary.is_in(&message.body)) {
        places.push("the log".to_owned());
    }
    if reading.letters.iter().any(|letter| canary.is_in(&letter.body)) {
        places.push("a dead letter".to_owned());
    }
    // All that the server has stored lies there then: its streams, and what programs keep.
    field.server.back_up(&field.path("stored"));
    field.server.restart();
    for folder in [node.pve.dir(), &field.path("")] {
        places.extend(canary.in_files(folder));
    }
    places
        .into_iter()
        .map(|place| Breach::of("I-20", format!("the secret is in {place}")))
        .collect()
}
