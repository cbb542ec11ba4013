//! Repairs that the health monitor ordered while no worker was there.

use chrono::{DateTime, TimeDelta, Utc};
use phoenix_bus::Teller;
use phoenix_domain::health::{Condition, IncidentId, Order, Reason, Root, Rung, Turned};
use phoenix_domain::{
    Cause, Desired, Goal, GuestKey, GuestSpec, Record, Repair, RepairRequested, Standing,
};
use phoenix_testkit::guest;
use serde_json::json;

use super::site::{Site, States, lxc, teller};

fn web() -> [GuestSpec; 1] {
    [guest(900).features(&["nginx"]).build()]
}

/// Has a repair ordered of a guest that is complete and whose worker has ended, and returns what became
/// of it once there is a worker again.
async fn repaired(site: &Site, clock: fn() -> DateTime<Utc>, found: Option<Condition>) -> Standing {
    let web = lxc(900);
    if let Some(to) = found {
        let turned = Turned {
            text: String::new(),
            guest: web,
            probe: "nginx".into(),
            from: Condition::Starting,
            to,
            since: Utc::now(),
            evidence: None,
        };
        let event = json!({ "data": turned }).to_string().into_bytes();
        site.bus.tell_health(web, "nginx", event).await.unwrap();
    }
    let incident = IncidentId::of(&Root::Guest(web), Utc::now());
    let order = Order { guest: web, incident, rung: Rung::Service, number: 1 };
    let wish = |_: GuestKey, before: Option<&Record>| {
        let before = &before?.desired;
        let desired = Desired {
            revision: before.revision + 1,
            cause: Cause::Repair { reason: "hung".to_owned(), order: Some(order.clone()) },
            goal: Goal::Repaired { by: Repair::Service },
            ..before.clone()
        };
        Some(RepairRequested { desired: Box::new(desired) }.into())
    };
    let teller = Teller { clock, ..teller() };
    site.bus.ask(&site.setup, &teller, &[web], wish).await.unwrap();

    let _worker = site.worker();
    let is_settled = |states: &States| states.get(&web).is_some_and(Record::is_settled);
    site.until("it is settled", is_settled).await;
    site.state(web).await.work.standing
}

async fn complete() -> Site {
    let site = Site::new().await;
    let mut worker = site.worker();
    site.submit(&web()).await;
    site.until_complete(&web()).await;
    worker.kill();
    site
}

fn restarts(site: &Site) -> usize {
    site.host.begun(lxc(900), "restart-services")
}

#[tokio::test]
async fn what_was_ordered_just_now_is_made_once() {
    let site = complete().await;

    let found = Condition::Failed(Reason::Hung);
    assert_eq!(repaired(&site, Utc::now, Some(found)).await, Standing::Completed);

    assert_eq!(restarts(&site), 1);
}

#[tokio::test]
async fn what_waited_for_too_long_is_not_made() {
    let site = complete().await;

    let long_ago = || Utc::now() - TimeDelta::minutes(5);
    assert_eq!(repaired(&site, long_ago, None).await, Standing::Cancelled);

    assert_eq!(restarts(&site), 0);
}

#[tokio::test]
async fn a_guest_that_was_found_well_since_is_left_alone() {
    let site = complete().await;

    let found = Some(Condition::Healthy);
    assert_eq!(repaired(&site, Utc::now, found).await, Standing::Cancelled);

    assert_eq!(restarts(&site), 0);
}
