//! What a real monitor tells of its probes, and of the repairs that it made and did not make.

use super::super::Served;
use super::{Sample, samples, until, value};
use crate::health::Watched;

const NGINX: [&str; 2] = ["vmid=\"953\"", "probe=\"nginx\""];

fn held_back(told: &[Sample], reason: &str) -> Option<f64> {
    let reason = format!("reason=\"{reason}\"");
    value(told, "phoenix_repair_suppressed_total", &[&reason])
}

fn left(told: &[Sample]) -> Option<f64> {
    value(told, "phoenix_repair_budget_remaining", &["vmid=\"953\""])
}

#[tokio::test]
async fn a_repair_that_was_held_back_is_counted_once_by_all_monitors_and_one_that_is_made_is_spent()
{
    let watched = Watched::new().await;
    let mut first = watched.monitor_with("first", &[]);
    let log = watched.site.folder("serve.log");
    let served = Served::of(&watched.site.server.url(), &log, "127.0.0.1:0", &[]).await;
    let success = |told: &[Sample]| value(told, "phoenix_probe_success", &NGINX);
    let text = until(&served, |told| success(told) == Some(1.0)).await;
    let told = samples(&text);
    assert!(value(&told, "phoenix_probe_duration_seconds", &NGINX) >= Some(0.0), "{text}");
    assert_eq!((held_back(&told, "mode"), left(&told)), (Some(0.0), Some(4.0)), "{text}");
    assert_eq!(value(&told, "phoenix_repair_fleet_budget_remaining", &[]), Some(2.0), "{text}");

    watched.break_it("service").await;

    until(&served, |told| held_back(told, "mode") == Some(1.0)).await;
    first.kill();
    let _second = watched.monitor_with("second", &[]);
    // Whoever follows has to read the guest anew before it says that.
    let text = until(&served, |told| {
        let is_new = value(told, "phoenix_probe_duration_seconds", &NGINX).is_some();
        is_new && success(told) == Some(0.0)
    })
    .await;
    assert_eq!(held_back(&samples(&text), "mode"), Some(1.0), "{text}");
    watched.until_done(&["health", "mode", "on"]).await;
    let text = until(&served, |told| success(told) == Some(1.0)).await;
    let told = samples(&text);
    assert_eq!((held_back(&told, "mode"), left(&told)), (Some(1.0), Some(3.0)), "{text}");
    assert_eq!(value(&told, "phoenix_repair_fleet_budget_remaining", &[]), Some(1.0), "{text}");
}
