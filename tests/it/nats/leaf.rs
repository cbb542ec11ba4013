//! A host that nobody can call: its own server calls the others.

use super::acts::fetches_and_clears_away;
use super::site::{Site, free_port};

#[tokio::test]
async fn a_worker_behind_a_leaf_takes_a_guest_to_completed_and_answers() {
    let site = Site::written(&["nats"]);
    let port = free_port();
    let written = site.init(&["--leaf-for", "pve1", "--leaf-port", &port.to_string()]);
    assert_eq!(written.code, 0, "{written:?}");
    let _hub = site.server("nats");
    site.set_up();
    let leaf = site.server("leaf-pve1");
    let by_leaf = site.by_leaf(&format!("nats://127.0.0.1:{port}"), "worker-pve1").await;

    // What the worker does, and answers, is all by way of the leaf.
    let worker = site.worker("pve1", Some(&format!("nats://127.0.0.1:{port}")));
    let submitted = site.phoenix("submitter", &["submit", "901", "--timeout", "60s"]);
    let logs = || format!("{}\n{}", worker.log(), leaf.log());
    assert_eq!(submitted.code, 0, "{submitted:?}\n{}", logs());
    assert!(
        submitted.out.contains("1 completed; brought along: 1 completed"),
        "{submitted:?}\n{}",
        logs()
    );
    let planned = site.phoenix("submitter", &["plan", "901", "--exit-code"]);
    assert_eq!(planned.code, 0, "{planned:?}\n{}", logs());
    assert!(!planned.err.contains("no host was asked"), "{planned:?}\n{}", logs());
    fetches_and_clears_away(&site.bus("submitter").await, &by_leaf).await;
    let hosts = site.bus("watcher").await.hosts().await.unwrap();
    assert_eq!(hosts.iter().map(|report| report.host.as_str()).collect::<Vec<_>>(), ["pve1"]);
}
