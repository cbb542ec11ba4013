//! How streams and buckets are set up has a number, by which an older version sees that a newer one was there.

use std::fs;

use phoenix_bus::frozen::Frozen;
use phoenix_testkit::nats::NatsServer;
use serde_json::{Map, Value, json};

use crate::program::repository;

/// What of a configuration is ours to say.
const OURS: [&str; 18] = [
    "allow_atomic",
    "allow_direct",
    "allow_rollup_hdrs",
    "deny_delete",
    "discard",
    "discard_new_per_subject",
    "duplicate_window",
    "max_age",
    "max_bytes",
    "max_consumers",
    "max_msg_size",
    "max_msgs",
    "max_msgs_per_subject",
    "republish",
    "retention",
    "storage",
    "subjects",
    "description",
];

#[tokio::test]
async fn whoever_changes_how_something_is_set_up_raises_the_number_of_that() {
    let server = NatsServer::start();
    let bus = server.bus().await;
    let (mut streams, mut layout) = (Map::new(), 0_u64);
    for name in Frozen::all() {
        let mut config = bus.freeze_config(&name).await.unwrap();
        layout = config["metadata"]["phoenix.layout"].as_str().unwrap().parse().unwrap();
        config.as_object_mut().unwrap().retain(|key, _| OURS.contains(&key.as_str()));
        streams.insert(name, config);
    }

    let path = repository("tests/contract/layout.json");
    let now = json!({ "layout": layout, "streams": streams });
    let there: Value =
        serde_json::from_slice(&fs::read(&path).unwrap_or_default()).unwrap_or_default();

    if now == there {
        return;
    }
    let before = there["layout"].as_u64().unwrap_or(0);
    assert!(
        layout > before,
        "a stream or bucket is set up otherwise: raise NEWEST_LAYOUT in crates/bus/src/forward.rs, or an older \
         version takes what a newer one has changed for its own, and changes it back: {now:#}"
    );
    fs::write(&path, format!("{now:#}\n")).unwrap();
    panic!("{} has another layout in it: look at it, and commit it", path.display());
}
