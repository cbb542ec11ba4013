//! Healing on real containers: what is sick is found from outside, repaired by a worker, and a human is
//! called where nothing helps.
//!
//! The monitor's clock goes ten times as fast, so that the waits between repairs take seconds. All else is
//! as it ships: real containers with systemd, a real bus, real processes.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a broken fixture should stop the test"
)]

#[path = "../it/program.rs"]
#[expect(dead_code, reason = "other tests start other programs")]
mod program;
mod ward;

use phoenix_domain::health::{Next, Rung, Severity};
use phoenix_domain::{EventKind, Goal, Repair};

use crate::ward::Ward;

#[tokio::test]
async fn a_service_that_was_killed_is_started_once_though_everybody_is_killed_meanwhile() {
    let mut ward = Ward::new(&[953]).await;
    ward.begin().await;

    ward.inside(953, &["systemctl", "kill", "--signal=KILL", "nginx"]);
    ward.until_said(953, EventKind::RepairRequested).await;
    ward.kill_everybody();
    ward.start_everybody().await;
    ward.until_said(953, EventKind::Completed).await;
    ward.until_all_are("healthy").await;

    assert_eq!(ward.repairs(953).await, [Repair::Service]);
    assert_eq!(ward.starts(953), 2, "once by systemd, and once by the repair");
    ward.until_incidents(|incidents| incidents.iter().all(|incident| !incident.is_open())).await;
}

#[tokio::test]
async fn what_nothing_helps_is_tried_mildly_first_and_then_a_human_is_called() {
    let mut ward = Ward::new(&[953]).await;
    ward.begin().await;

    // It takes connections and answers none from now on, whatever is started anew.
    ward.inside(953, &["touch", "/etc/broken"]);
    let is_given_up =
        |severity, next: &Next| severity == Severity::Page && matches!(next, Next::None { .. });
    let incidents = ward
        .until_incidents(|incidents| {
            incidents.iter().any(|incident| is_given_up(incident.severity, &incident.next))
        })
        .await;

    let tried = [Repair::Service, Repair::Service, Repair::Guest, Repair::Application];
    assert_eq!(ward.repairs(953).await, tried);
    let [incident] = &incidents[..] else { panic!("{incidents:#?}") };
    let rungs: Vec<_> = incident.tried.iter().map(|tried| tried.rung).collect();
    assert_eq!(rungs, [Rung::Service, Rung::Service, Rung::Guest, Rung::Application]);
    let story = ward.phoenix(&["explain", incident.id.as_str()]).await;
    assert_eq!(story.code, 0, "{story:?}");
    assert!(story.out.contains("restarting the guest (attempt 1/1)"), "{}", story.out);
    assert!(story.out.contains("phoenix health probe 953"), "{}", story.out);

    // Mended by hand, it is found well without another word.
    ward.inside(953, &["rm", "/etc/broken"]);
    ward.inside(953, &["systemctl", "restart", "nginx"]);
    ward.until_all_are("healthy").await;
    ward.until_incidents(|incidents| incidents.iter().all(|incident| !incident.is_open())).await;
    assert_eq!(ward.repairs(953).await, tried, "and it was not repaired for it");
}

#[tokio::test]
async fn a_bridge_that_is_pulled_from_under_five_guests_is_one_incident_and_no_repair() {
    let guests = [951, 952, 953, 954, 955];
    let mut ward = Ward::new(&guests).await;
    ward.begin().await;

    ward.pull_the_bridge();
    ward.until_incidents(|incidents| incidents.iter().any(|incident| incident.guests.len() == 5))
        .await;
    ward.put_the_bridge_back();
    ward.until_all_are("healthy").await;
    let incidents = ward
        .until_incidents(|incidents| incidents.iter().all(|incident| !incident.is_open()))
        .await;

    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    for guest in guests {
        assert_eq!(ward.repairs(guest).await, [], "{guest}");
        assert_eq!(ward.starts(guest), 1, "{guest}");
    }
}

/// Returns how a guest was to be repaired, if that is what it was asked for.
fn repair(goal: Goal) -> Option<Repair> {
    if let Goal::Repaired { by } = goal { Some(by) } else { None }
}
