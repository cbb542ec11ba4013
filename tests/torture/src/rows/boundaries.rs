//! Workers that die at a point of a change: before it, in its middle, or behind its back when it is made.
//!
//! The change itself kills who started it, so the point is exact and takes no timing.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use phoenix_testkit::host::{Fault, FaultKind, Moment};

use crate::dice::Dice;
use crate::field::{Field, pace};
use crate::invariants::Breach;
use crate::programs::Programs;
use crate::reading::{Reading, text};

/// How long a run may take in all.
const PATIENCE: Duration = Duration::from_mins(3);

/// How many changes of each kind each guest takes where nobody disturbs it.
type Changes = BTreeMap<(String, String), u32>;

/// Has a worker die at the same point of every change.
pub(super) async fn every(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    let changes = undisturbed(field).await;
    let at = *dice.one_of(&[Moment::Before, Moment::During, Moment::After]);
    let mut deaths = 0;
    for ((guest, kind), times) in &changes {
        for time in 1..=*times {
            // Nothing was begun, so the change comes again after it.
            let nth = if at == Moment::Before { 2 * time - 1 } else { time };
            field.host.fault(dying(at, guest, kind).nth(nth));
            deaths += 1;
        }
    }
    let breaches = die(field).await;
    let left = u64::try_from(field.host.faults_left()).unwrap();
    field.harmed(deaths - left);
    breaches
}

/// Has workers die at any points of a few changes.
pub(super) async fn some(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    let changes = undisturbed(field).await;
    let changes: Vec<_> = changes.keys().collect();
    let deaths = dice.between(2, 6);
    for _ in 0..deaths {
        let (guest, kind) = dice.one_of(&changes);
        let at = *dice.one_of(&[Moment::Before, Moment::During, Moment::After]);
        let nth = u32::try_from(dice.between(1, 3)).unwrap();
        field.host.fault(dying(at, guest, kind).nth(nth));
    }
    let breaches = die(field).await;
    // What never came is nothing that happened.
    let left = u64::try_from(field.host.faults_left()).unwrap();
    field.harmed(deaths - left);
    breaches
}

fn dying(at: Moment, guest: &str, kind: &str) -> Fault {
    Fault::new(FaultKind::KillStarter { at }).guest(guest.parse().unwrap()).kind(kind)
}

/// Asks for the fleet, and starts a worker whenever one has died.
async fn die(field: &mut Field) -> Vec<Breach> {
    field.revive().await;
    field.submit().await;
    match field.settles(PATIENCE).await {
        Ok(()) => Vec::new(),
        Err(left) => vec![Breach::of("I-14", left)],
    }
}

/// Returns the changes of a run that nobody disturbs; it is made once, on a field of its own.
async fn undisturbed(field: &Field) -> Changes {
    static KNOWN: OnceLock<Changes> = OnceLock::new();
    if let Some(known) = KNOWN.get() {
        return known.clone();
    }
    let mut calm = Field::new(&Programs { planted: None, ..field.programs.clone() });
    calm.host.set(&pace(1));
    calm.start();
    calm.submit().await;
    calm.settles(PATIENCE).await.unwrap();
    let mut changes = Changes::new();
    for line in Reading::ledger(calm.host.folder()) {
        if text(&line, "/mark") == "done" {
            let key = (text(&line, "/guest").to_owned(), text(&line, "/kind").to_owned());
            *changes.entry(key).or_insert(0) += 1;
        }
    }
    KNOWN.get_or_init(|| changes).clone()
}
