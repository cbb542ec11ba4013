//! One run: a field, what a row does to it, the time it is given to recover, and what is broken then.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::dice::Dice;
use crate::field::Field;
use crate::invariants::{self, Allowed, Breach};
use crate::programs::Programs;
use crate::reading::Reading;
use crate::rows::{Found, Row, What};

/// How long all may take to be settled after the last fault.
const RECOVERS: Duration = Duration::from_mins(1);
/// How long what was begun may take to end once everything is settled.
const ENDS: Duration = Duration::from_secs(10);

/// How a run went.
pub(crate) struct Played {
    pub(crate) seed: u64,
    pub(crate) faults: u64,
    pub(crate) breaches: Vec<Breach>,
    pub(crate) took: Duration,
}

/// Makes one run of a row. A row that is not run cannot be made.
pub(crate) fn play(row: &Row, seed: u64, programs: &Programs) -> Option<Played> {
    let What::Runs { allowed, run, .. } = row.what else { return None };
    let begun = Instant::now();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let tried = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(on_a_field(allowed, run, seed, programs))
    }));
    let (faults, breaches) = tried.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        let words = words.or_else(|| panic.downcast_ref::<&str>().map(|&words| words.to_owned()));
        (0, vec![Breach::of("I-14", words.unwrap_or_default())])
    });
    runtime.shutdown_background();
    Some(Played { seed, faults, breaches, took: begun.elapsed() })
}

async fn on_a_field(
    allowed: Allowed,
    run: for<'f> fn(&'f mut Field, &'f mut Dice) -> Found<'f>,
    seed: u64,
    programs: &Programs,
) -> (u64, Vec<Breach>) {
    let mut field = Field::new(programs);
    let mut breaches = run(&mut field, &mut Dice::new(seed)).await;
    if let Err(left) = field.settles(RECOVERS).await {
        breaches.push(Breach::of("I-14", format!("a minute after the last fault {left}")));
        field.keep_story(seed);
        return (field.faults(), breaches);
    }
    let reading = match Reading::of(&field) {
        Ok(reading) => reading,
        Err(err) => {
            breaches.push(Breach::of("I-12", format!("the server does not answer: {err}")));
            return (field.faults(), breaches);
        }
    };
    breaches.extend(invariants::broken(&field, &reading, allowed));
    if breaches.is_empty() && !allowed.failing {
        breaches.extend(again(&mut field, &reading).await);
    }
    breaches.extend(strays(&field).await);
    if !breaches.is_empty() {
        field.keep_story(seed);
    }
    (field.faults(), breaches)
}

/// Asks for everything once more: nothing is to be done.
async fn again(field: &mut Field, before: &Reading) -> Vec<Breach> {
    field.submit().await;
    if let Err(left) = field.settles(RECOVERS).await {
        return vec![Breach::of("I-18", format!("asked for once more, {left}"))];
    }
    let after = Reading::ledger(field.host.folder());
    let more = after.len() - before.ledger.len();
    if more == 0 {
        return Vec::new();
    }
    vec![Breach::of("I-18", format!("{more} more lines of the ledger for nothing"))]
}

/// Looks for processes that are at the host although nothing is to be done.
async fn strays(field: &Field) -> Vec<Breach> {
    let workers: Vec<_> = field.workers.iter().map(phoenix_testkit::worker::Worker::pid).collect();
    let begun = Instant::now();
    loop {
        let strays = invariants::wait_for(field.host.folder(), &workers);
        if strays.is_empty() {
            return Vec::new();
        }
        if begun.elapsed() > ENDS {
            return vec![Breach::of("I-11", format!("left behind: {}", strays.join("; ")))];
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
