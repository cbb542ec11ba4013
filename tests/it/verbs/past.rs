//! Looking back: what happened to a guest, how it was, what was said in it, and what took how long.

use chrono::Utc;

use phoenix_testkit::host::{Fault, FaultKind};

use super::site::Site;
use crate::survive::site::lxc;

#[tokio::test]
async fn a_guest_is_shown_as_it_was_before_it_was_changed() {
    let (site, _worker) = Site::complete().await;
    let then = Utc::now().to_rfc3339();
    site.write(1024, 20);
    site.ok(&["submit", "950"]).await;

    let was = site.json(&["state", "950", "--at", &then]).await;
    let is = site.json(&["state", "950", "--at", "0s"]).await;

    let revision = |shown: &serde_json::Value| shown.pointer("/guest/revision").cloned();
    assert_eq!(revision(&was), Some(1.into()), "{was}");
    assert_eq!(revision(&is), Some(2.into()), "{is}");
    let text = site.ok(&["state", "950", "--at", &then]).await;
    assert!(text.out.contains("revision 1") && !text.out.contains("next:"), "{text:?}");
    let before = site.phoenix(&["state", "950", "--at", "1d"]).await;
    assert_eq!(before.code, 5, "{before:?}");
    assert!(before.err.contains("what is kept of it begins at 20"), "{before:?}");
    let later = site.phoenix(&["state", "950", "--at", "2126-11-22T03:00:00Z"]).await;
    assert_eq!(later.code, 64, "{later:?}");
    let said = "nobody knows how guest 950 will be at 2126-11-22T03:00:00Z: it is 20";
    assert!(later.out.is_empty() && later.err.contains(said), "{later:?}");
}

#[tokio::test]
async fn what_happened_is_told_in_order_and_only_as_far_as_it_is_asked_for() {
    let (site, _worker) = Site::complete().await;
    let then = Utc::now().to_rfc3339();
    site.ok(&["restart", "950"]).await;

    let all = site.ok(&["history", "950"]).await;
    let first =
        site.ok(&["history", "950", "--until", &then, "--kind", "requested,completed"]).await;
    let none = site.ok(&["history", "950", "--kind", "dead-lettered"]).await;

    let begin = |what: &str| all.out.find(what).unwrap_or_else(|| panic!("{what}: {all:?}"));
    assert!(begin("asked for by kim") < begin("completed, "), "{all:?}");
    assert!(begin("completed, ") < begin("asked to be restarted by kim"), "{all:?}");
    assert!(begin("asked to be restarted") < begin("restarted, "), "{all:?}");
    assert_eq!(first.out.lines().count(), 2, "{first:?}");
    assert!(none.out.is_empty() && none.err.contains("what is kept begins at"), "{none:?}");
}

#[tokio::test]
async fn runs_are_listed_since_a_time_of_a_calendar_or_so_long_ago() {
    let (site, _worker) = Site::complete().await;
    let then = Utc::now().to_rfc3339();
    site.ok(&["restart", "950"]).await;

    let listed = |runs: &serde_json::Value| runs["runs"].as_array().unwrap().len();
    assert_eq!(listed(&site.json(&["runs", "--since", &then]).await), 1);
    assert_eq!(listed(&site.json(&["runs", "--since", "1h"]).await), 2);
    let none = site.ok(&["runs", "--since", "0s"]).await;
    assert!(none.out.is_empty() && none.err.starts_with("no run since 20"), "{none:?}");
}

#[tokio::test]
async fn a_run_is_shown_as_a_line_of_time_with_all_its_guests() {
    let (site, _worker) = Site::complete().await;
    let runs = site.json(&["runs"]).await;
    let run = runs.pointer("/runs/0/id").and_then(|id| id.as_str()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.svg");

    let text = site.ok(&["trace", run]).await;
    site.ok(&["trace", run, "--svg", file.to_str().unwrap()]).await;

    let svg = std::fs::read_to_string(file).unwrap();
    for guest in [
        "900 base: completed",
        "920 mid: completed",
        "953 gateway: completed",
        "950 app: completed",
    ] {
        assert!(text.out.contains(guest) && svg.contains(guest), "{guest}: {text:?}");
    }
    assert!(text.out.contains("4 guests, ") && text.out.contains("█"), "{text:?}");
    assert!(svg.starts_with("<svg ") && svg.contains("</svg>"), "{svg}");
    let unknown = site.phoenix(&["trace", "r-0001abcd"]).await;
    assert_eq!(unknown.code, 5, "{unknown:?}");
}

#[tokio::test]
async fn what_a_failed_command_printed_is_in_the_log_of_its_guest_and_a_watch_ends_with_what_is_past()
 {
    let site = Site::new().await;
    site.inner.host.fault(Fault::new(FaultKind::Fail).guest(lxc(950)).kind("create").times(4));
    let _worker = site.worker();
    site.ok(&["submit", "950"]).await;

    let logs = site.ok(&["logs", "950"]).await;
    let other = site.ok(&["logs", "950", "--step", "start_container"]).await;
    let watched = site.ok(&["watch", "--since", "1h", "--until", "0s", "--host", "pve1"]).await;
    let elsewhere = site.ok(&["watch", "--since", "1h", "--until", "0s", "--host", "pve2"]).await;

    assert!(logs.out.contains("failed at 1/"), "{logs:?}");
    assert!(other.out.is_empty(), "{other:?}");
    assert!(watched.out.contains("950 app  completed"), "{watched:?}");
    assert!(elsewhere.out.is_empty(), "{elsewhere:?}");
}
