//! A host that nobody can call: its own server calls the others.

use super::site::{Site, free_port};

#[tokio::test]
async fn a_leaf_calls_with_the_key_of_its_host_and_reaches_the_streams() {
    let site = Site::written(&["nats"]);
    let port = free_port();
    let written = site.init(&["--leaf-for", "pve1", "--leaf-port", &port.to_string()]);
    assert_eq!(written.code, 0, "{written:?}");
    let _hub = site.server("nats");
    site.set_up();
    let leaf = site.server("leaf-pve1");
    site.until_called(&format!("nats://127.0.0.1:{port}"), "worker-pve1").await;

    let status = site.phoenix("watcher", &["status"]);
    assert_eq!(status.code, 0, "{status:?}\n{}", leaf.log());
}
