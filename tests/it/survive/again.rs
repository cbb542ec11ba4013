//! Guests that are made again by workers that are killed at every change of that.

use std::collections::BTreeMap;

use phoenix_domain::{
    Cause, Desired, Fact, Goal, GuestKey, GuestSpec, Record, Repair, RepairRequested, Vmid,
};
use phoenix_testkit::guest;
use phoenix_testkit::host::{Moment, Settings};

use super::deaths::{self, changes_since, die_until};
use super::site::{Site, States, lxc, quick, teller};

fn guests() -> [GuestSpec; 2] {
    let parent = guest(900).features(&["base_setup"]).seal("ready").build();
    let mut child = guest(950).of(900).features(&["nginx"]).volume("data", "/data", 8).build();
    child.health.stateless = Some(true);
    [parent, child]
}

/// Asks for 950 to be made again.
async fn ask(site: &Site) {
    let wish = |_: GuestKey, before: Option<&Record>| {
        let before = &before?.desired;
        let desired = Desired {
            revision: before.revision + 1,
            run: "r-again".parse().ok()?,
            cause: Cause::Repair { reason: "hung".to_owned(), order: None },
            goal: Goal::Repaired { by: Repair::Recreate },
            ..before.clone()
        };
        Some(RepairRequested { desired: Box::new(desired) }.into())
    };
    site.bus.ask(&site.setup, &teller(), &[lxc(950)], wish).await.unwrap();
}

fn is_settled(states: &States) -> bool {
    let of = |record: &Record| record.is_settled() && record.desired.run.as_str() == "r-again";
    states.get(&lxc(950)).is_some_and(of)
}

/// Returns the files of all guests but for when one was set aside.
fn files(site: &Site) -> BTreeMap<String, String> {
    let timeless = |(name, text): (String, String)| match text.split_once(r#""at": ""#) {
        Some((before, after)) => {
            let after = after.split_once('"').map_or("", |(_, after)| after);
            (name, format!("{before}{after}"))
        }
        None => (name, text),
    };
    site.host.files().into_iter().map(timeless).collect()
}

async fn complete(settings: &Settings) -> Site {
    let site = Site::with(settings).await;
    let mut worker = site.worker();
    site.submit(&guests()).await;
    site.until_complete(&guests()).await;
    worker.kill();
    site
}

async fn kill_at_every(at: Moment, settings: &Settings) {
    let undisturbed = complete(settings).await;
    let mark = undisturbed.host.done().len();
    ask(&undisturbed).await;
    let _worker = undisturbed.worker();
    undisturbed.until("it is made again", is_settled).await;
    let changes = changes_since(&undisturbed, mark);
    assert_eq!(changes.get("set-aside"), Some(&1), "{changes:?}");

    let site = complete(settings).await;
    deaths::kill_at_every(&site, lxc(950), at, &changes);
    ask(&site).await;
    let (_, deaths) = die_until(&site, Box::pin(site.until("it is made again", is_settled))).await;

    assert_eq!(files(&site), files(&undisturbed));
    assert_eq!(site.host.faults_left(), 0, "some change was never made");
    assert_eq!(deaths, changes.values().sum::<u32>(), "one death a change");
    site.assert_all_is_well().await;
    let said = site.bus.history(lxc(950)).await.unwrap();
    let there = said.into_iter().rev().find_map(|(_, event)| {
        let Fact::Completed(completed) = event.fact else { return None };
        completed.set_aside
    });
    assert_eq!(there.map(Vmid::number), Some(950_000));
}

#[tokio::test]
async fn a_worker_killed_before_any_change_sets_a_guest_aside_once() {
    Box::pin(kill_at_every(Moment::Before, &quick())).await;
}

#[tokio::test]
async fn a_worker_killed_during_any_change_sets_a_guest_aside_once() {
    Box::pin(kill_at_every(Moment::During, &Settings { latency_ms: 400, ..quick() })).await;
}

#[tokio::test]
async fn a_worker_killed_after_any_change_sets_a_guest_aside_once() {
    Box::pin(kill_at_every(Moment::After, &quick())).await;
}

#[tokio::test]
async fn what_no_file_calls_stateless_is_refused_whoever_orders_it() {
    let site = Site::new().await;
    let [parent, mut child] = guests();
    child.health.stateless = None;
    let _worker = site.worker();
    site.submit(&[parent.clone(), child.clone()]).await;
    site.until_complete(&[parent, child]).await;
    let before = site.host.ledger().len();

    ask(&site).await;
    let states = site.until("it is settled", is_settled).await;

    let standing = format!("{:?}", states[&lxc(950)].work.standing);
    assert!(standing.contains("its file does not say that nothing is lost"), "{standing}");
    assert_eq!(site.host.ledger().len(), before, "nothing was done");
}
