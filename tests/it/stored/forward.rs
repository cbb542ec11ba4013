//! Streams and buckets of other versions: what an older one has set up is brought forward, what a newer one has set
//! up is left alone, and what is missing reads as empty.

use phoenix_bus::{Bus, BusError, Drain, Durability, From};
use phoenix_testkit::nats::NatsServer;
use serde_json::{Value, json};

use crate::program::Ended;
use crate::serve::PATIENCE;
use crate::verbs::site::Site;

/// A minute, as the server counts.
const MINUTE: u64 = 60_000_000_000;

/// Returns a server with the streams of today, changed like this.
async fn changed(stream: &str, changes: &Value) -> (NatsServer, Bus) {
    let server = NatsServer::start();
    let bus = server.bus().await;
    bus.reconfigure(stream, changes).await.unwrap();
    (server, bus)
}

/// Returns what a stream's configuration says of these.
async fn said(bus: &Bus, stream: &str, names: &[&str]) -> Value {
    let config = bus.freeze_config(stream).await.unwrap();
    names.iter().map(|name| ((*name).to_owned(), config[*name].clone())).collect()
}

/// Sets up once more, as each program does that starts, and returns what the stream says of these then.
async fn set_up(bus: &Bus, stream: &str, names: &[&str]) -> Value {
    bus.set_up(Durability::Synced).await.unwrap();
    said(bus, stream, names).await
}

/// Waits until a stream has so many messages: who only publishes is not told when they are there.
async fn until_there(bus: &Bus, stream: &str, messages: u64) {
    let are_there = async {
        while bus.messages_of(stream).await.unwrap() != Some(messages) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, are_there).await.expect("they are there some time");
}

#[tokio::test]
async fn a_stream_with_less_room_gets_what_this_version_asks_for_and_keeps_what_it_has() {
    let less = json!({ "max_msgs": 1000, "duplicate_window": MINUTE });
    let (server, bus) = changed("PHOENIX_DEAD", &less).await;
    let about = "phoenix.dead.main.lxc-950";
    bus.reconfigure("OBJ_phoenix-library", &json!({ "max_bytes": 1 << 20 })).await.unwrap();
    server.publish(about, "a letter");

    let dead = set_up(&bus, "PHOENIX_DEAD", &["max_msgs", "duplicate_window"]).await;
    let library = said(&bus, "OBJ_phoenix-library", &["max_bytes"]).await;

    assert_eq!(dead, json!({ "max_msgs": 100_000, "duplicate_window": 2 * MINUTE }));
    assert_eq!(library, json!({ "max_bytes": 512 << 20 }));
    until_there(&bus, "PHOENIX_DEAD", 1).await;
}

#[tokio::test]
async fn new_subjects_are_added_and_those_of_another_version_stay() {
    let other = json!({ "subjects": ["phoenix.health.*.*.*", "phoenix.later.*"] });
    let (server, bus) = changed("PHOENIX_HEALTH", &other).await;

    let told = set_up(&bus, "PHOENIX_HEALTH", &["subjects"]).await;

    let all = ["phoenix.health.*.*.*", "phoenix.later.*", "phoenix.incident.*.*"];
    assert_eq!(told, json!({ "subjects": all }));
    for subject in ["phoenix.incident.main.i", "phoenix.later.x"] {
        server.publish(subject, "{}");
    }
    until_there(&bus, "PHOENIX_HEALTH", 2).await;
}

#[tokio::test]
async fn a_bucket_that_keeps_for_a_shorter_time_keeps_for_longer_and_never_the_other_way_round() {
    let day = 24 * 60 * MINUTE;
    let (_server, bus) = changed("KV_phoenix-deliveries", &json!({ "max_age": day })).await;
    bus.reconfigure("KV_phoenix-hosts", &json!({ "max_age": 90 * day })).await.unwrap();
    bus.reconfigure("KV_phoenix-watch", &json!({ "max_msgs_per_subject": 5 })).await.unwrap();

    let shorter = set_up(&bus, "KV_phoenix-deliveries", &["max_age"]).await;

    assert_eq!(shorter, json!({ "max_age": 7 * day }));
    let longer = said(&bus, "KV_phoenix-hosts", &["max_age"]).await;
    assert_eq!(longer, json!({ "max_age": 90 * day }));
    let more = said(&bus, "KV_phoenix-watch", &["max_msgs_per_subject"]).await;
    assert_eq!(more, json!({ "max_msgs_per_subject": 5 }));
}

#[tokio::test]
async fn what_somebody_has_made_larger_is_not_made_smaller_and_doctor_says_so() {
    let site = Site::new().await;
    let connected = site.inner.server.bus().await;
    connected.reconfigure("PHOENIX_LOG", &json!({ "max_msgs_per_subject": 1000 })).await.unwrap();

    let told = set_up(&connected, "PHOENIX_LOG", &["max_msgs_per_subject"]).await;

    assert_eq!(told, json!({ "max_msgs_per_subject": 1000 }));
    let found = doctor(&site).await;
    let line =
        "PHOENIX_LOG has more than this version asks for, and keeps that: messages per subject";
    assert!(found.out.contains(line), "{found:?}");
}

#[tokio::test]
async fn what_a_newer_version_has_set_up_is_left_alone_and_doctor_says_so() {
    let site = Site::new().await;
    let connected = site.inner.server.bus().await;
    let newer = json!({
        "metadata": { "phoenix.layout": "99", "phoenix.durability": "synced" },
        "max_msgs": 10, "discard": "old", "subjects": ["phoenix.dead.>"],
    });
    connected.reconfigure("PHOENIX_DEAD", &newer).await.unwrap();
    let names = ["max_msgs", "discard", "subjects"];
    let before = said(&connected, "PHOENIX_DEAD", &names).await;

    let after = set_up(&connected, "PHOENIX_DEAD", &names).await;

    assert_eq!(after, before);
    let found = doctor(&site).await;
    let line = "PHOENIX_DEAD was set up by a newer version, and is left as it is: its layout is 99, and 1 is known here";
    assert!(found.out.contains(line), "{found:?}");
    assert!(found.out.contains("apt install --only-upgrade phoenix"), "{found:?}");
}

#[tokio::test]
async fn a_bucket_that_an_older_version_has_not_made_reads_as_empty_and_cannot_be_written() {
    let site = Site::new().await;
    let connected = site.inner.server.bus().await;
    for bucket in ["drains", "hosts", "deliveries", "pushes"] {
        connected.remove_stream(&format!("KV_phoenix-{bucket}")).await.unwrap();
    }
    let reader = Bus::connect(&site.inner.server.address()).await.unwrap();
    let host = "pve1".parse().unwrap();

    assert_eq!(reader.drains().await.unwrap(), []);
    assert_eq!(reader.drain_of(&host).await.unwrap(), None);
    assert_eq!(reader.hosts().await.unwrap(), []);
    let listed = site.phoenix(&["deliveries"]).await;
    assert!(listed.code == 0 && !listed.err.contains("error"), "{listed:?}");
    let nodes = site.phoenix(&["nodes"]).await;
    assert!(nodes.code == 0 && !nodes.err.contains("error"), "{nodes:?}");

    let since = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let drain = Drain { by: "ann".to_owned(), why: None, since };
    for refused in
        [reader.drain(&host, &drain).await.map(drop), reader.tail_drain(&host).await.map(drop)]
    {
        let is_it =
            matches!(&refused, Err(BusError::NotThere { what, .. }) if what == "KV_phoenix-drains");
        assert!(is_it, "{refused:?}");
    }
    let typed = site.phoenix(&["drain", "pve1"]).await;
    assert_ne!(typed.code, 0, "{typed:?}");
    assert!(!typed.err.contains("panicked"), "{typed:?}");
}

#[tokio::test]
async fn where_nothing_is_set_up_that_is_what_is_said() {
    let server = NatsServer::start();
    let bus = Bus::connect(&server.address()).await.unwrap();

    let followed = bus.tail(From::Now).await.map(drop);

    assert!(matches!(followed, Err(BusError::NotSetUp { .. })), "{followed:?}");
}

#[tokio::test]
async fn what_is_as_wanted_is_not_touched() {
    let server = NatsServer::start();
    let bus = server.bus().await;
    let all = Bus::worth_copying();
    let mut before = Vec::new();
    for stream in &all {
        before.push(bus.freeze_config(stream).await.unwrap());
    }

    bus.set_up(Durability::Synced).await.unwrap();

    for (stream, before) in all.iter().zip(before) {
        assert_eq!(bus.freeze_config(stream).await.unwrap(), before, "{stream}");
        assert_eq!(before["metadata"]["phoenix.layout"], "1", "{stream}");
    }
}

async fn doctor(site: &Site) -> Ended {
    let machine = site.folder().to_str().unwrap();
    site.phoenix(&["doctor", "--root", machine]).await
}
