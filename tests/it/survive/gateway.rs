//! Gateways go again when what they lead to is elsewhere, whoever is killed meanwhile.

use phoenix_domain::{
    Cause, Drifted, EventKind, Fact, Fate, Goal, GuestSpec, Record, SpecDigest, Upstream,
};
use phoenix_testkit::guest;

use super::site::{Site, States, lxc, teller};
use crate::program::phoenix_with;

fn gateway() -> GuestSpec {
    guest(953).name("gateway").features(&["nginx", "gateway"]).build()
}

fn service(vmid: u64, memory: u64) -> GuestSpec {
    guest(vmid).route(&format!("s{vmid}"), 80).nic("vmbr0").memory(memory).build()
}

/// Returns the digest of what the gateway leads to, once these services are at these addresses.
fn leads_to(services: &[(u64, Option<&str>)]) -> SpecDigest {
    let upstream = |(vmid, at): &(u64, Option<&str>)| {
        let seen: Vec<_> = at.iter().map(|at| at.parse().unwrap()).collect();
        Upstream::of(&service(*vmid, 512), &seen, Vec::new()).unwrap()
    };
    SpecDigest::of_upstreams(&services.iter().map(upstream).collect::<Vec<_>>())
}

/// Says whether the gateway is complete, and leads there.
fn is_told(states: &States, digest: &SpecDigest) -> bool {
    let is_told =
        |state: &Record| state.is_complete() && state.work.upstreams.as_ref() == Some(digest);
    states.get(&lxc(953)).is_some_and(is_told)
}

/// Returns why the gateway was asked for, each time that it was.
async fn causes(site: &Site) -> Vec<Cause> {
    let history = site.bus.history(lxc(953)).await.unwrap();
    let asked = history.into_iter().filter_map(|(_, event)| {
        let is_asked = event.fact.kind() == EventKind::Requested;
        is_asked.then_some(event.state.desired.cause)
    });
    asked.collect()
}

/// Makes a site whose gateway and services are complete, with addresses nobody knows.
async fn complete(services: &[u64], site: &Site) {
    let specs: Vec<_> = services.iter().map(|vmid| service(*vmid, 512)).collect();
    site.submit(&[specs.as_slice(), &[gateway()]].concat()).await;
    let digest = leads_to(&services.iter().map(|vmid| (*vmid, None)).collect::<Vec<_>>());
    site.until("the gateway was told", |states| is_told(states, &digest)).await;
    site.until_complete(&specs).await;
}

#[tokio::test]
async fn a_gateway_goes_again_when_a_guest_behind_it_is_elsewhere_or_gone() {
    let site = Site::new().await;
    let _worker = site.worker();
    complete(&[954, 955], &site).await;
    assert_eq!(causes(&site).await, [Cause::Submitted]);

    site.host.readdress(lxc(954), &["10.0.0.7"]);
    site.submit(&[service(954, 1024)]).await;
    let moved = leads_to(&[(954, Some("10.0.0.7")), (955, None)]);
    site.until("it leads to the new address", |states| is_told(states, &moved)).await;
    // What changes nothing for a gateway does not concern it.
    site.submit(&[service(954, 2048)]).await;
    site.until_complete(&[service(954, 2048)]).await;
    let gone = Goal::Absent { volumes: Fate::Kept };
    site.submit_with(&[service(955, 1024)], |desired| desired.goal = gone).await;
    let alone = leads_to(&[(954, Some("10.0.0.7"))]);
    site.until("it leads to one less", |states| is_told(states, &alone)).await;

    let wanted = [Cause::Submitted, Cause::UpstreamsChanged, Cause::UpstreamsChanged];
    assert_eq!(causes(&site).await, wanted);
    assert_eq!(site.host.begun(lxc(953), "install-feature"), 4, "nginx once, and three routes");
    site.assert_log_is_whole().await;

    let url = site.server.url();
    let folder = site.folder("state");
    let status = tokio::task::spawn_blocking(move || {
        phoenix_with(&folder, &["status", "953"], &[("NATS_URL", &url)])
    });
    let status = status.await.unwrap();
    assert!(status.out.contains("where it leads to has changed"), "{status:?}");
    assert!(status.out.contains("the worker of pve1"), "{status:?}");
}

#[tokio::test]
async fn guests_that_move_together_are_told_together() {
    let site = Site::new().await;
    let _worker = site.worker();
    let services: Vec<_> = (960..970).collect();
    complete(&services, &site).await;
    for vmid in &services {
        site.host.readdress(lxc(*vmid), &[&format!("10.0.0.{}", vmid - 900)]);
    }

    let specs: Vec<_> = services.iter().map(|vmid| service(*vmid, 1024)).collect();
    site.submit(&specs).await;

    let addresses: Vec<_> =
        services.iter().map(|vmid| (*vmid, format!("10.0.0.{}", vmid - 900))).collect();
    let at: Vec<_> = addresses.iter().map(|(vmid, at)| (*vmid, Some(at.as_str()))).collect();
    let digest = leads_to(&at);
    site.until("it leads to all of them", |states| is_told(states, &digest)).await;
    // As many as it takes on a slow machine, and far from one for each.
    let asked = causes(&site).await.len() - 1;
    assert!((1..5).contains(&asked), "asked {asked} times");
}

#[tokio::test]
async fn what_moved_while_no_worker_was_there_is_told_by_the_next_one() {
    let site = Site::new().await;
    let mut worker = site.worker();
    complete(&[954], &site).await;
    worker.kill();
    // As a worker would have told it just before it was killed.
    let drifted = |_, _: Option<&Record>| -> Option<Fact> {
        let addresses = Some(vec!["10.0.0.8".parse().unwrap()]);
        Some(Drifted { changes: Vec::new(), addresses }.into())
    };
    site.bus.ask(&site.setup, &teller(), &[lxc(954)], drifted).await.unwrap();

    let _next = site.worker_with("b", "run", &[]);

    let digest = leads_to(&[(954, Some("10.0.0.8"))]);
    site.until("it leads to the new address", |states| is_told(states, &digest)).await;
    assert_eq!(causes(&site).await, [Cause::Submitted, Cause::UpstreamsChanged]);
    site.assert_log_is_whole().await;
}

#[tokio::test]
async fn an_address_that_a_dhcp_server_changed_is_found_and_told() {
    let site = Site::new().await;
    let _worker = site.worker_with("a", "run", &["--drift-every", "50ms"]);
    complete(&[954], &site).await;

    site.host.readdress(lxc(954), &["10.0.0.9"]);

    let digest = leads_to(&[(954, Some("10.0.0.9"))]);
    let states = site.until("it leads to the new address", |states| is_told(states, &digest)).await;
    assert_eq!(states[&lxc(954)].desired.revision, 1, "nobody asked for the guest itself");
    assert_eq!(states[&lxc(954)].work.drift, [""; 0]);
    site.assert_log_is_whole().await;
}

#[tokio::test]
async fn a_worker_that_is_killed_while_its_gateway_goes_again_leaves_nothing_undone() {
    let site = Site::new().await;
    let mut worker = site.worker();
    complete(&[954], &site).await;
    let asked = |event: &phoenix_domain::Event| {
        event.state.guest == lxc(953) && event.state.desired.cause == Cause::UpstreamsChanged
    };
    site.host.readdress(lxc(954), &["10.0.0.7"]);
    site.submit(&[service(954, 1024)]).await;
    site.until_told("the gateway is asked for", asked).await;
    worker.kill();

    let _next = site.worker_with("b", "run", &[]);

    let digest = leads_to(&[(954, Some("10.0.0.7"))]);
    site.until("it leads to the new address", |states| is_told(states, &digest)).await;
    assert_eq!(causes(&site).await, [Cause::Submitted, Cause::UpstreamsChanged]);
    site.assert_log_is_whole().await;
}
