//! A real Prometheus that collects from a real server about guests that really fail.

#![expect(clippy::indexing_slicing, reason = "a broken fixture should stop the test")]

use phoenix_testkit::host::{Fault, FaultKind};
use serde_json::Value;

use super::super::Served;
use super::kit::Prometheus;
use crate::survive::site::lxc;
use crate::verbs::site::Site;

const ALERTS: &str = "/api/v1/alerts";

/// Says whether an alert fires.
fn fires(answer: &Value, alert: &str) -> bool {
    let alerts = answer["data"]["alerts"].as_array();
    let mut alerts = alerts.into_iter().flatten();
    alerts.any(|one| one["labels"]["alertname"] == alert && one["state"] == "firing")
}

/// Says whether everything that is collected from answers.
fn is_up(answer: &Value) -> bool {
    let targets = answer["data"]["activeTargets"].as_array();
    targets.is_some_and(|all| all.len() == 1 && all.iter().all(|one| one["health"] == "up"))
}

#[tokio::test]
async fn an_alert_fires_for_a_guest_that_was_given_up_and_is_over_once_it_is_replayed() {
    let site = Site::new().await;
    let _worker = site.worker();
    site.until_it_answers().await;
    let served = Served::at(&site, "127.0.0.1:0").await;
    let prometheus = Prometheus::of(&served.at).await;
    prometheus.until("/api/v1/targets?state=active", is_up).await;
    let known = "/api/v1/query?query=phoenix_dlq_messages";
    let is_none = |answer: &Value| answer["data"]["result"][0]["value"][1] == "0";
    prometheus.until(known, is_none).await;
    assert!(!fires(&prometheus.ask(ALERTS).await, "PhoenixDeadLetters"));
    let fault = Fault::new(FaultKind::Refuse).guest(lxc(950)).kind("create").always();
    let fault = site.inner.host.fault(fault);

    let given_up = site.phoenix(&["submit", "950"]).await;

    assert_eq!(given_up.code, 9, "{given_up:?}");
    prometheus.until(ALERTS, |answer| fires(answer, "PhoenixDeadLetters")).await;
    let state = "/api/v1/query?query=phoenix_guest_state%7Bvmid%3D%22950%22%7D%20%3D%3D%201";
    let found = prometheus
        .until(state, |answer| answer["data"]["result"][0]["metric"]["state"] == "dead")
        .await;
    assert_eq!(found["data"]["result"].as_array().unwrap().len(), 1, "{found}");
    site.inner.host.without_fault(fault);
    let letters = site.json(&["dead", "list"]).await;
    let letter = letters["letters"][0]["letter"].to_string();
    site.ok(&["dead", "replay", &letter]).await;
    prometheus.until(ALERTS, |answer| !fires(answer, "PhoenixDeadLetters")).await;
    let again = prometheus
        .until(state, |answer| answer["data"]["result"][0]["metric"]["state"] == "completed")
        .await;
    assert_eq!(again["data"]["result"][0]["metric"]["host"], "pve1", "{again}");
    let rules = prometheus.ask("/api/v1/rules").await;
    for rule in rules["data"]["groups"][0]["rules"].as_array().unwrap() {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
}

#[tokio::test]
async fn a_server_that_is_killed_is_noticed_as_one_that_does_not_answer() {
    let site = Site::new().await;
    let mut served = Served::at(&site, "127.0.0.1:0").await;
    let prometheus = Prometheus::of(&served.at).await;
    prometheus.until("/api/v1/targets?state=active", is_up).await;

    served.server.kill();

    let pending = |answer: &Value| {
        let alerts = answer["data"]["alerts"].as_array();
        let mut alerts = alerts.into_iter().flatten();
        alerts.any(|one| one["labels"]["alertname"] == "PhoenixServeDown")
    };
    prometheus.until(ALERTS, pending).await;
}
