//! What a worker of one version has begun goes on with one of the other, however often that changes.

use std::collections::BTreeMap;

use phoenix_testkit::host::{Fault, FaultKind, Moment, Settings};
use serde_json::{Value, json};

use super::site::{Age, Site, guest_of};
use crate::survive::site::{lxc, quick};

/// A guest with a volume and two features, and what it is cloned from.
fn fleet() -> Value {
    let sealed = json!({ "template_snapshot_name": "ready" });
    let volume =
        json!([{ "name": "data", "pool": "tank-lxc", "size_gb": 2, "mount_point": "/data" }]);
    let more =
        json!({ "clone_from_ctid": "900", "features": ["nginx", "redis"], "volumes": volume });
    let mut web = guest_of(950, "pve1", &[], &more);
    web.1.as_object_mut().unwrap().remove("template");
    Value::Object([guest_of(900, "pve1", &[], &sealed), web].into_iter().collect())
}

/// Has every change of a guest kill the worker that makes it; the next one is always of the other version.
async fn handed_over(first: Age, at: Moment, settings: &Settings) {
    let undisturbed = Site::new(settings, &fleet()).await;
    let _worker = undisturbed.worker(first.other(), "pve1");
    undisturbed.ok(first, &["submit", "950"]).await;
    let mut changes: BTreeMap<String, u32> = BTreeMap::new();
    for entry in undisturbed.hosts["pve1"].done() {
        if entry.guest == lxc(950) {
            *changes.entry(entry.kind).or_insert(0) += 1;
        }
    }
    assert!(changes.len() >= 4, "{changes:?}");

    let site = Site::new(settings, &fleet()).await;
    let host = &site.hosts["pve1"];
    for (kind, times) in &changes {
        for nth in 1..=*times {
            let kill = Fault::new(FaultKind::KillStarter { at }).guest(lxc(950)).kind(kind);
            host.fault(kill.nth(nth));
        }
    }
    site.ok(first, &["submit", "950", "--detach"]).await;
    let (mut age, mut deaths) = (first, 0);
    let guests = [lxc(900), lxc(950)];
    let complete = site.until_complete(&guests, 1);
    tokio::pin!(complete);
    loop {
        let mut worker = site.worker(age, "pve1");
        tokio::select! {
            () = &mut complete => break,
            () = worker.is_killed() => deaths += 1,
        }
        age = age.other();
    }

    assert_eq!(host.faults_left(), 0, "some change was never made");
    assert_eq!(deaths, changes.values().sum::<u32>(), "one death a change");
    assert_eq!(host.files(), undisturbed.hosts["pve1"].files());
    site.assert_all_is_well(&guests).await;
}

#[tokio::test]
async fn what_an_old_worker_was_killed_in_goes_on_with_a_new_one_and_back() {
    let slow = Settings { latency_ms: 400, ..quick() };
    Box::pin(handed_over(Age::Old, Moment::During, &slow)).await;
}

#[tokio::test]
async fn what_a_new_worker_was_killed_in_goes_on_with_an_old_one_and_back() {
    let slow = Settings { latency_ms: 400, ..quick() };
    Box::pin(handed_over(Age::New, Moment::During, &slow)).await;
}

#[tokio::test]
async fn what_an_old_worker_has_made_and_not_told_is_not_made_again_by_a_new_one_nor_back() {
    Box::pin(handed_over(Age::Old, Moment::After, &quick())).await;
}
