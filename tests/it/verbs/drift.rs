//! `phoenix drift`, and the worker that looks by itself.

use phoenix_domain::{EventKind, Fact, MebiBytes, Property};

use super::site::Site;
use crate::survive::site::{States, lxc};

/// Waits until it was told last that a guest drifted by this.
async fn until_drift(site: &Site, vmid: u64, by: &[&str]) {
    let is_so =
        |states: &States| states.get(&lxc(vmid)).is_some_and(|state| state.work.drift == by);
    site.inner.until("it was told what it drifted by", is_so).await;
}

/// Returns what was told of a guest, each time that something was.
async fn drifts(site: &Site, vmid: u64) -> Vec<Vec<String>> {
    let history = site.inner.bus.history(lxc(vmid)).await.unwrap();
    let drifted = history.into_iter().filter_map(|(_, event)| {
        if let Fact::Drifted(drifted) = event.fact { Some(drifted.changes) } else { None }
    });
    drifted.collect()
}

#[tokio::test]
async fn what_was_changed_by_hand_is_found_and_nothing_is_repaired() {
    let (site, _worker) = Site::complete().await;
    let none = site.ok(&["drift"]).await;
    assert_eq!(none.out, "4 guests looked at: no drift\n");
    let lines = site.lines();
    site.inner.host.tweak(lxc(950), &[Property::Memory(MebiBytes(64))]);
    site.inner.host.halt(lxc(953));
    // What is wanted now is of no interest: it is compared with what was made.
    site.write(1024, 20);

    let ended = site.phoenix(&["drift"]).await;
    let one = site.json(&["drift", "950"]).await;

    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(
        ended.out.contains("950 app on pve1 drifted:\n  memory: 64 MiB, wanted 512 MiB\n"),
        "{ended:?}"
    );
    assert!(
        ended.out.contains("953 gateway on pve1 drifted:\n  it: stopped, wanted running\n"),
        "{ended:?}"
    );
    assert!(ended.out.contains("4 guests looked at: 2 drifted; nothing was repaired"), "{ended:?}");
    assert_eq!(one["guests"][0]["drift"], serde_json::json!(["set memory"]));
    let differences = serde_json::json!([
        { "what": "memory", "have": "64 MiB", "wanted": "512 MiB", "change": "set memory" },
    ]);
    assert_eq!(one["guests"][0]["differences"], differences);
    assert_eq!(site.lines(), lines);
}

#[tokio::test]
async fn a_guest_that_somebody_removed_has_drifted_and_one_that_was_deleted_has_not() {
    let (site, _worker) = Site::complete().await;
    site.ok(&["delete", "950", "--yes"]).await;
    assert_eq!(site.ok(&["drift"]).await.out, "3 guests looked at: no drift\n");
    site.inner.host.remove(lxc(953));

    let ended = site.phoenix(&["drift"]).await;

    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.out.contains("  it: not there, wanted there\n"), "{ended:?}");
}

#[tokio::test]
async fn guests_of_which_nothing_is_known_are_no_good_news() {
    let (site, mut worker) = Site::complete().await;
    worker.kill();

    let ended = site.phoenix(&["drift", "950"]).await;

    assert_eq!(ended.code, 7, "{ended:?}");
    assert!(ended.out.contains("start a worker on pve1"), "{ended:?}");
}

#[tokio::test]
async fn guests_that_were_not_looked_at_are_named_and_counted_and_no_good_news() {
    let (site, _worker) = Site::complete().await;
    site.write(512, 10);
    site.phoenix(&["submit", "950"]).await;

    let ended = site.phoenix(&["drift"]).await;
    let json = site.json(&["drift"]).await;

    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.out.contains("950 app on pve1 was not looked at\n  it is blocked"), "{ended:?}");
    assert!(
        ended.out.ends_with("\n4 guests: 3 looked at, no drift among them; 1 not looked at\n"),
        "{ended:?}"
    );
    assert!(!ended.out.contains(": no drift\n"), "{ended:?}");
    let guests = json["guests"].as_array().unwrap();
    let not_looked_at = guests.iter().find(|guest| guest["vmid"] == 950).unwrap();
    assert!(not_looked_at["ahead"]["error"]["what"].is_string(), "{not_looked_at}");
}

#[tokio::test]
async fn a_drift_is_told_once_and_once_more_when_it_is_over() {
    let site = Site::new().await;
    let _worker = site.inner.worker_with("a", "run", &["--drift-every", "50ms"]);
    site.ok(&["submit", "950"]).await;
    let lines = site.lines();
    site.inner.host.tweak(lxc(950), &[Property::Memory(MebiBytes(64))]);
    site.inner.until_told("it drifted", |event| event.fact.kind() == EventKind::Drifted).await;
    // What another guest drifts by tells that rounds were made since then, and one of them whole.
    site.inner.host.halt(lxc(953));
    until_drift(&site, 953, &["start it"]).await;
    site.inner.host.tweak(lxc(953), &[Property::Memory(MebiBytes(64))]);
    until_drift(&site, 953, &["set memory", "start it"]).await;
    site.inner.host.tweak(lxc(953), &[Property::Memory(MebiBytes(512))]);
    until_drift(&site, 953, &["start it"]).await;

    assert_eq!(drifts(&site, 950).await, [["set memory"]]);
    let status = site.ok(&["status"]).await;
    assert!(status.out.contains("drifted; to mend it: set memory"), "{}", status.out);

    site.inner.host.tweak(lxc(950), &[Property::Memory(MebiBytes(512))]);
    until_drift(&site, 950, &[]).await;
    assert_eq!(drifts(&site, 950).await, [vec!["set memory".to_owned()], Vec::new()]);
    assert_eq!(site.lines(), lines, "nothing is repaired");
    site.inner.assert_log_is_whole().await;
}

#[tokio::test]
async fn what_has_drifted_is_mended_by_submitting_it_again() {
    let site = Site::new().await;
    let _worker = site.inner.worker_with("a", "run", &["--drift-every", "50ms"]);
    site.ok(&["submit", "953"]).await;
    site.inner.host.halt(lxc(953));
    until_drift(&site, 953, &["start it"]).await;

    let submitted = site.ok(&["submit", "953"]).await;

    assert!(submitted.out.contains("1 guest asked for"), "{submitted:?}");
    assert_eq!(site.state("953").await["drift"], serde_json::json!([]));
}
