//! A fleet is upgraded while it is made, host by host, and goes back while it is changed.

use phoenix_domain::GuestKey;
use phoenix_testkit::host::Settings;
use serde_json::{Value, json};

use super::site::{Age, HOSTS, Site, guest_of};
use crate::survive::site::{States, lxc, quick};

/// Sixty guests in rows of three, each on one of the other host.
const ALL: std::ops::Range<u64> = 1000..1060;

fn fleet(memory: u64) -> Value {
    let guest = |vmid: u64| {
        let node = HOSTS[usize::from(vmid.is_multiple_of(2))];
        let below: Vec<u64> =
            (!(vmid - ALL.start).is_multiple_of(3)).then(|| vmid - 1).into_iter().collect();
        guest_of(vmid, node, &below, &json!({ "memory_mb": memory }))
    };
    ALL.map(guest).collect::<serde_json::Map<_, _>>().into()
}

fn guests() -> Vec<GuestKey> {
    ALL.map(lxc).collect()
}

/// Replaces the workers, host by host, each in the middle of something.
async fn replace(site: &Site, from: Age, revision: u64) {
    let mut workers = HOSTS.map(|node| Some(site.worker(from, node)));
    let vmids: Vec<_> = ALL.map(|vmid| vmid.to_string()).collect();
    let args =
        [&["submit"][..], &vmids.iter().map(String::as_str).collect::<Vec<_>>(), &["--detach"]];
    site.ok(from, &args.concat()).await;
    let done = |states: &States| {
        let is_done = |guest: &GuestKey| {
            let record = states.get(guest);
            record.is_some_and(|one| one.is_complete() && one.desired.revision == revision)
        };
        guests().iter().filter(|guest| is_done(guest)).count()
    };
    let mut replaced = Vec::new();
    for (nth, node) in HOSTS.iter().enumerate() {
        let enough = 10 * (nth + 1);
        let states = site.until("some are done", |states| done(states) >= enough).await;
        assert!(done(&states) < ALL.count(), "it was too quick to be in the middle of anything");
        let mut worker = workers[nth].take().unwrap();
        worker.ask_to_end();
        assert!(worker.ended().await.success());
        replaced.push(site.worker(from.other(), node));
    }
    site.until_complete(&guests(), revision).await;
}

#[tokio::test]
async fn sixty_guests_are_made_while_their_workers_are_upgraded_and_changed_while_they_go_back() {
    let settings = Settings { latency_ms: 30, ..quick() };
    let site = Site::new(&settings, &fleet(64)).await;

    replace(&site, Age::Old, 1).await;
    site.write(&fleet(128));
    replace(&site, Age::New, 2).await;

    let created = |name| site.hosts[name].done().iter().filter(|one| one.kind == "create").count();
    assert_eq!(HOSTS.map(created).iter().sum::<usize>(), ALL.count());
    site.assert_all_is_well(&guests()).await;
}
