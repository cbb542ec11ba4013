//! Programs of both versions at the same time, each with the other's.

use std::time::Duration;

use phoenix_bus::{MonitorAnswer, MonitorQuestion};
use phoenix_domain::{EventKind, GuestKey};
use phoenix_testkit::worker::Start;
use serde_json::{Value, json};

use super::site::{Age, HOSTS, Site, guest_of};
use crate::serve::{PATIENCE, json_of, listens};
use crate::survive::site::{lxc, quick};

/// Rows of three: each waits for the one before it, which is on the other host.
fn rows(memory: u64) -> Value {
    let guest = |vmid: u64| {
        let node = HOSTS[usize::from(vmid.is_multiple_of(2))];
        let below: Vec<u64> = (!vmid.is_multiple_of(3)).then(|| vmid - 1).into_iter().collect();
        guest_of(vmid, node, &below, &json!({ "memory_mb": memory }))
    };
    (900..912).map(guest).collect::<serde_json::Map<_, _>>().into()
}

fn guests() -> Vec<GuestKey> {
    (900..912).map(lxc).collect()
}

/// Has guests made and changed by a worker of each version, asked for by this one and then by the other.
async fn side_by_side(at_first: Age) {
    let site = Site::new(&quick(), &rows(64)).await;
    let _workers = [site.worker(at_first, HOSTS[0]), site.worker(at_first.other(), HOSTS[1])];

    site.ok(at_first, &["submit", "902", "905", "908", "911"]).await;
    site.until_complete(&guests(), 1).await;
    site.write(&rows(128));
    site.ok(at_first.other(), &["submit", "902", "905", "908", "911"]).await;
    site.until_complete(&guests(), 2).await;

    for age in [Age::Old, Age::New] {
        let again = site.ok(age, &["submit", "902", "905", "908", "911"]).await;
        assert!(again.out.contains("already as desired"), "{age:?}: {again:?}");
        let status: Value =
            serde_json::from_str(&site.ok(age, &["status", "-o", "json"]).await.out).unwrap();
        let listed = status["guests"].as_array().unwrap();
        assert_eq!(listed.len(), 12, "{age:?}");
        assert!(listed.iter().all(|guest| guest["state"] == "completed"), "{age:?}: {status}");
        let nodes = site.ok(age, &["nodes", "-o", "json"]).await;
        let nodes: Value = serde_json::from_str(&nodes.out).unwrap();
        assert_eq!(nodes["nodes"].as_array().map(Vec::len), Some(2), "{age:?}: {nodes}");
    }
    site.assert_all_is_well(&guests()).await;
}

#[tokio::test]
async fn guests_of_an_old_worker_stand_on_those_of_a_new_one_and_on_them_those_of_the_old() {
    side_by_side(Age::Old).await;
}

#[tokio::test]
async fn guests_of_a_new_worker_stand_on_those_of_an_old_one_and_on_them_those_of_the_new() {
    side_by_side(Age::New).await;
}

/// Has a monitor of one version have repaired what a worker of the other works on.
async fn repaired(monitor: Age) {
    let web = json!({ "features": ["nginx"] });
    let site = Site::new(
        &quick(),
        &Value::Object([guest_of(953, "pve1", &[], &web)].into_iter().collect()),
    )
    .await;
    let _worker = site.worker(monitor.other(), "pve1");
    site.ok(monitor, &["submit", "953"]).await;
    let _monitor =
        site.start(monitor, "phoenix-health-monitor", "one").with(&["--clock-speed", "10"]).go();
    let ready = async {
        while site.phoenix(monitor.other(), &["health", "mode", "on"]).await.code != 0 {}
        loop {
            let answer = site.bus.ask_monitor(&MonitorQuestion::Health, PATIENCE).await;
            let Ok(MonitorAnswer::Health(told)) = answer else { continue };
            let mut probes = told.guests.iter().flat_map(|seen| &seen.probes);
            if probes.any(|(probe, at, _)| &*probe.name == "nginx" && at.word() == "healthy") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ready).await.expect("it is found to be well some time");

    let sim = site.hosts["pve1"].folder().display().to_string();
    let sick = [
        "sim",
        "--sim-dir",
        &sim,
        "break",
        "953",
        "nginx",
        "--how",
        "refuse",
        "--until",
        "service",
    ];
    site.ok(monitor.other(), &sick).await;
    site.until("it is repaired", |states| {
        states
            .get(&lxc(953))
            .is_some_and(|record| record.is_complete() && record.desired.revision == 2)
    })
    .await;

    let history = site.bus.history(lxc(953)).await.unwrap();
    let asked = history.iter().filter(|(_, event)| event.fact.kind() == EventKind::RepairRequested);
    assert_eq!((asked.count(), site.hosts["pve1"].begun(lxc(953), "restart-services")), (1, 1));
    for age in [Age::Old, Age::New] {
        let listed = site.ok(age, &["incidents", "--all", "-o", "json"]).await;
        let listed: Value = serde_json::from_str(&listed.out).unwrap();
        assert!(listed["incidents"].is_array(), "{age:?}: {listed}");
    }
    site.assert_all_is_well(&[lxc(953)]).await;
}

#[tokio::test]
async fn what_an_old_monitor_finds_is_repaired_by_a_new_worker() {
    repaired(Age::Old).await;
}

#[tokio::test]
async fn what_a_new_monitor_finds_is_repaired_by_an_old_worker() {
    repaired(Age::New).await;
}

#[tokio::test]
async fn the_page_of_the_new_version_shows_what_old_workers_do() {
    let site = Site::new(&quick(), &rows(64)).await;
    let _workers = HOSTS.map(|node| site.worker(Age::Old, node));
    let serve = Start::new(&Age::New.program("phoenix"), &site.folder("serve.log"))
        .with(&["serve", "--listen", "127.0.0.1:0", "--nats-url", &site.server.url()])
        .go();
    let at = listens(&serve, 0).await;

    site.ok(Age::New, &["submit", "902"]).await;
    site.ok(Age::New, &["restart", "902"]).await;

    let shown = async {
        loop {
            let all = json_of(&at, "/api/v1/state").await;
            let guests = all["guests"].as_array().cloned().unwrap_or_default();
            let is_done = |guest: &Value| guest["isSettled"] == true;
            let restarted = guests.iter().any(|guest| guest["state"] == "restarted");
            if restarted && guests.len() == 3 && guests.iter().all(is_done) {
                return all;
            }
        }
    };
    let all = tokio::time::timeout(PATIENCE, shown).await.expect("it is shown some time");
    assert!(all.to_string().contains("pve2"), "{all}");
    site.assert_all_is_well(&[lxc(900), lxc(901), lxc(902)]).await;
}
