//! What is told of guests that really came up, failed or were pushed to.

use phoenix_testkit::host::{Fault, FaultKind};
use tempfile::TempDir;

use super::super::Served;
use super::super::hooks::{PUSH, SIGNATURE, deliver, hooks, rule};
use super::kit::promtool;
use super::{Sample, metrics, samples, until, value};
use crate::program::repository;
use crate::survive::site::lxc;
use crate::verbs::site::Site;

#[tokio::test]
async fn runs_steps_and_retries_are_counted_and_guests_are_in_one_state_each() {
    let site = Site::new().await;
    let _worker = site.worker();
    site.until_it_answers().await;
    let served = Served::at(&site, "127.0.0.1:0").await;
    // As often as one attempt makes a change.
    site.inner.host.fault(Fault::new(FaultKind::Fail).guest(lxc(953)).kind("create").times(4));
    site.ok(&["submit", "953"]).await;
    site.inner.host.fault(Fault::new(FaultKind::Refuse).guest(lxc(920)).kind("create").always());
    let failed = site.phoenix(&["submit", "950"]).await;
    assert_eq!(failed.code, 9, "{failed:?}");

    let is_known = |told: &[Sample]| {
        let letters = value(told, "phoenix_dlq_messages", &[]);
        let runs = value(told, "phoenix_runs_total", &["result=\"failed\""]);
        (letters, runs) == (Some(1.0), Some(1.0))
    };
    let text = until(&served, is_known).await;

    let told = samples(&text);
    let of = |name: &str, labels: &[&str]| value(&told, name, labels);
    assert_eq!(of("phoenix_runs_total", &["result=\"completed\""]), Some(1.0), "{text}");
    assert_eq!(of("phoenix_run_duration_seconds_count", &["result=\"failed\""]), Some(1.0));
    let defined = ["step=\"ensure_container_defined\"", "result=\"taken\""];
    assert_eq!(of("phoenix_step_duration_seconds_count", &defined), Some(2.0), "900 and 953");
    let failed = ["step=\"ensure_container_defined\"", "result=\"failed\""];
    assert_eq!(of("phoenix_step_duration_seconds_count", &failed), Some(2.0), "953 and 920");
    let retried = ["step=\"ensure_container_defined\"", "class=\"failed\""];
    assert_eq!(of("phoenix_step_retries_total", &retried), Some(1.0), "953: {text}");
    for (guest, state) in [("953", "completed"), ("920", "dead"), ("950", "blocked")] {
        let vmid = format!("vmid=\"{guest}\"");
        let is = told
            .iter()
            .filter(|one| one.name == "phoenix_guest_state" && one.labels.contains(&vmid));
        let is: Vec<_> = is.filter(|one| one.value > 0.0).collect();
        assert_eq!(is.len(), 1, "{guest}: {is:?}");
        assert!(is[0].labels.contains(&format!("state=\"{state}\"")), "{guest}: {is:?}");
        assert!(is[0].labels.contains("kind=\"container\""), "{is:?}");
    }
    assert_eq!(of("phoenix_guests", &["state=\"completed\""]), Some(2.0), "{text}");
    assert_eq!(of("phoenix_queue_pending", &["host=\"pve1\""]), Some(0.0), "{text}");
    assert!(of("phoenix_heartbeat_timestamp_seconds", &["host=\"pve1\""]).unwrap() > 1e9);
    assert_eq!(of("phoenix_monitor_up", &[]), Some(0.0));
    // Prometheus itself reads it, and finds no fault with a name or a word of help.
    let checked = promtool(&["check", "metrics"], &repository("deploy"), &text);
    assert!(checked.status.success(), "{checked:?}");
    let runs = site.json(&["runs"]).await;
    for run in runs["runs"].as_array().unwrap() {
        assert!(!text.contains(run["id"].as_str().unwrap()), "no run is named: {text}");
    }
}

#[tokio::test]
async fn who_asks_for_open_metrics_is_told_those() {
    let (site, _worker) = Site::complete().await;
    let served = Served::at(&site, "127.0.0.1:0").await;

    let (older, _) = metrics(&served, "text/plain").await;
    let (head, text) = metrics(&served, "application/openmetrics-text;version=1.0.0").await;

    assert!(older.contains("content-type: text/plain; version=0.0.4"), "{older}");
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(text.ends_with("# EOF\n") && text.contains("# TYPE phoenix_runs counter\n"), "{text}");
}

#[tokio::test]
async fn webhooks_are_counted_by_what_their_sender_was_told() {
    let (site, _worker) = Site::complete().await;
    let folder = TempDir::new().unwrap();
    let file = hooks(&folder, &rule(950, "main", "restart"));
    let config = site.folder().to_owned();
    let more = ["--config", config.to_str().unwrap(), "--hooks", file.to_str().unwrap()];
    let served = Served::with(&site, "127.0.0.1:0", &more).await;
    let count = async |result: &str| {
        let (_, text) = metrics(&served, "").await;
        let result = format!("result=\"{result}\"");
        let labels = ["source=\"forge\"", &result];
        value(&samples(&text), "phoenix_webhook_deliveries_total", &labels)
    };
    assert_eq!(count("accepted").await, Some(0.0), "nothing is counted as nothing");

    let taken = deliver(&served, "forge", "d-1", SIGNATURE, PUSH).await;
    let again = deliver(&served, "forge", "d-1", SIGNATURE, PUSH).await;
    let wrong = deliver(&served, "forge", "d-2", &SIGNATURE.replace('0', "1"), PUSH).await;

    assert_eq!((taken.0, again.0, wrong.0), (202, 200, 401), "{taken:?} {again:?} {wrong:?}");
    for result in ["accepted", "nothing-to-do", "not-authorised"] {
        assert_eq!(count(result).await, Some(1.0), "{result}");
    }
    let last = "phoenix_webhook_last_success_timestamp_seconds";
    until(&served, |told| value(told, last, &["source=\"forge\""]) > Some(1e9)).await;
}
