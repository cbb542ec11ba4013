//! `phoenix explain` of guests and runs, with a guest that really failed.

use phoenix_testkit::host::{Fault, FaultKind};

use super::site::Site;
use crate::survive::site::lxc;

#[tokio::test]
async fn a_guest_that_was_given_up_is_explained_with_what_changed_since_it_was_good() {
    let (site, _worker) = Site::complete().await;
    let well = site.ok(&["explain", "950"]).await;
    site.write(1024, 20);
    site.inner
        .host
        .fault(Fault::new(FaultKind::Refuse).guest(lxc(950)).kind("set-properties").always());
    let submitted = site.phoenix(&["submit", "950"]).await;
    assert_eq!(submitted.code, 9, "{submitted:?}");
    let status = site.ok(&["status", "950"]).await;
    let next = status.out.lines().find_map(|line| line.strip_prefix("next: ")).unwrap();

    let text = site.ok(&["explain", "950"]).await;
    let ticket = site.ok(&["explain", "950", "-o", "md"]).await;
    let json = site.json(&["explain", "950"]).await;

    assert_eq!(well.out.lines().count(), 3, "{well:?}");
    assert!(well.out.contains("950 app on pve1: completed"), "{well:?}");
    for told in [
        "950 app on pve1: dead, not well since",
        "memory: 512 -> 1024",
        "apply_configurations",
        "what was tried:",
        next,
    ] {
        assert!(text.out.contains(told), "`{told}` is not in:\n{}", text.out);
    }
    assert!(ticket.out.starts_with("### 950 app on pve1: dead"), "{ticket:?}");
    let tried = json.pointer("/capsule/tried").and_then(|tried| tried.as_array()).unwrap();
    assert!(!tried.is_empty(), "{json}");
    assert_eq!(json.pointer("/capsule/state"), Some(&"dead".into()), "{json}");
}

#[tokio::test]
async fn a_run_is_explained_by_those_of_its_guests_that_are_not_well() {
    let site = Site::new().await;
    site.inner.host.fault(Fault::new(FaultKind::Refuse).guest(lxc(920)).kind("create").always());
    let _worker = site.worker();
    let submitted = site.phoenix(&["submit", "950"]).await;
    assert_eq!(submitted.code, 9, "{submitted:?}");
    let runs = site.json(&["runs"]).await;
    let run = runs.pointer("/runs/0/id").and_then(|id| id.as_str()).unwrap();

    let text = site.ok(&["explain", run]).await;
    let unknown = site.phoenix(&["explain", "r-0001abcd"]).await;
    let never = site.phoenix(&["explain", "999"]).await;
    let json = site.json(&["explain", run]).await;

    assert!(text.out.starts_with(&format!("run {run} by kim@")), "{text:?}");
    assert!(text.out.contains("920 mid on pve1: dead") && text.out.contains("950 app"), "{text:?}");
    assert!(!text.out.contains("900 base on pve1"), "{text:?}");
    assert!(text.out.contains("it never was complete, as far as is known"), "{text:?}");
    assert_eq!((unknown.code, never.code), (5, 5), "{unknown:?} {never:?}");
    assert_eq!(json["capsules"].as_array().map(Vec::len), Some(4), "{json}");
}

#[tokio::test]
async fn a_run_that_went_well_is_explained_in_three_lines() {
    let (site, _worker) = Site::complete().await;
    let runs = site.json(&["runs"]).await;
    let run = runs.pointer("/runs/0/id").and_then(|id| id.as_str()).unwrap();

    let text = site.ok(&["explain", run]).await;

    assert_eq!(text.out.lines().count(), 3, "{text:?}");
    assert!(text.out.contains("4 completed\nnothing is wrong with it\n"), "{text:?}");
}
