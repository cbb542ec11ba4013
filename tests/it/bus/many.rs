//! What is read at once: all of it, and without anything that stays in the server.

use chrono::{DateTime, Utc};
use phoenix_bus::{Bus, Drain, Durability};
use phoenix_domain::{GuestKey, NodeName};
use phoenix_testkit::nats::NatsServer;

fn host(number: u32) -> NodeName {
    format!("pve{number}").parse().unwrap()
}

/// Returns how many readers the server still keeps, of all streams and buckets.
async fn readers(bus: &Bus) -> u64 {
    let seen = bus.survey(Durability::Synced).await.unwrap();
    let fills = seen.into_iter().flat_map(|seen| seen.unwrap().there.unwrap().fill);
    fills.filter(|fill| fill.of == "consumers").map(|fill| fill.there).sum()
}

#[tokio::test]
async fn all_notes_are_read_however_many_and_those_that_are_gone_are_not() {
    let server = NatsServer::start();
    let bus = server.bus().await;
    let drain = Drain { by: "ann".to_owned(), why: None, since: DateTime::<Utc>::UNIX_EPOCH };
    for number in 1..=250 {
        bus.drain(&host(number), &drain).await.unwrap();
    }
    for number in 101..=120 {
        bus.end_drain(&host(number)).await.unwrap();
    }

    let mut drained: Vec<_> =
        bus.drains().await.unwrap().into_iter().map(|(host, _)| host).collect();

    drained.sort();
    let mut wanted: Vec<_> = (1..=100).chain(121..=250).map(host).collect();
    wanted.sort();
    assert_eq!(drained, wanted);
}

#[tokio::test]
async fn who_looks_leaves_nothing_behind_in_the_server() {
    let server = NatsServer::start();
    let bus = server.bus().await;
    let guest: GuestKey = "lxc-950".parse().unwrap();

    for _ in 0..20 {
        bus.hosts().await.unwrap();
        bus.drains().await.unwrap();
        bus.approvals().await.unwrap();
        bus.incidents().await.unwrap();
        bus.conditions(guest).await.unwrap();
        bus.dead_letters().await.unwrap();
        bus.states().await.unwrap();
        bus.memory().await.unwrap();
    }

    assert_eq!(readers(&bus).await, 0);
}
