//! The worker is killed at every boundary of every change.
//!
//! The change itself kills the worker that started it, so the point is exact and takes no timing.
//! One worker after the other dies so, in one run: the next one is started, and does not know.

use std::collections::BTreeMap;

use phoenix_domain::{GuestKey, GuestSpec};
use phoenix_testkit::host::{Moment, Settings};

use super::deaths::{self, Changes, die_until};
use super::site::{Site, quick, quickstart};

/// How one run that nobody disturbed went.
struct Undisturbed {
    files: BTreeMap<String, String>,
    /// How many changes of each kind each guest took.
    changes: BTreeMap<GuestKey, Changes>,
}

/// The guests 900, 901, 920, 953 and 950, in two requests so that one comes after the other: where
/// two guests are worked on at once, the death of their worker is at a boundary of one of them.
fn requests() -> [Vec<GuestSpec>; 2] {
    [quickstart(953), quickstart(950)]
}

async fn undisturbed() -> Undisturbed {
    let site = Site::new().await;
    let _worker = site.worker();
    let all = quickstart(950);
    site.submit(&all).await;
    site.until_complete(&all).await;
    site.assert_all_is_well().await;
    let mut changes = BTreeMap::new();
    for entry in site.host.done() {
        *changes.entry(entry.guest).or_insert_with(Changes::new).entry(entry.kind).or_insert(0) +=
            1;
    }
    assert_eq!(all.len(), 5);
    Undisturbed { files: site.host.files(), changes }
}

/// Kills a worker at this point of every change, and returns how many died.
async fn kill_at_every(at: Moment, settings: &Settings) -> u32 {
    let undisturbed = undisturbed().await;
    let site = Site::with(settings).await;
    let mut deaths = 0;
    for (guest, changes) in &undisturbed.changes {
        deaths::kill_at_every(&site, *guest, at, changes);
    }
    for specs in requests() {
        site.submit(&specs).await;
        deaths += die_until(&site, Box::pin(site.until_complete(&specs))).await.1;
    }
    assert_eq!(site.host.files(), undisturbed.files);
    assert_eq!(site.host.faults_left(), 0, "some change was never made");
    assert_eq!(
        deaths,
        undisturbed.changes.values().flat_map(Changes::values).sum::<u32>(),
        "one death a change"
    );
    site.assert_all_is_well().await;
    deaths
}

#[tokio::test]
async fn a_worker_killed_before_any_change_makes_it_after_all() {
    kill_at_every(Moment::Before, &quick()).await;
}

#[tokio::test]
async fn a_change_goes_on_without_its_worker_and_the_next_one_waits_for_it() {
    // Long enough for the next worker to be there while the change is still being made.
    let slow = Settings { latency_ms: 400, ..quick() };

    kill_at_every(Moment::During, &slow).await;
}

#[tokio::test]
async fn a_worker_killed_after_any_change_does_not_make_it_twice() {
    kill_at_every(Moment::After, &quick()).await;
}
