//! `phoenix plan`, with a worker that is asked.

use serde_json::Value;

use super::site::{Site, made};
use crate::survive::site::lxc;

/// Returns the changes of a plan, each with its guest.
fn planned(plan: &Value) -> Vec<(u64, String)> {
    let guests = plan.get("order").unwrap().as_array().unwrap();
    let changes = |guest: &Value| {
        let vmid = guest.get("vmid").unwrap().as_u64().unwrap();
        let changes = guest.pointer("/ahead/changes").unwrap().as_array().unwrap().iter();
        let text = |change: &Value| change.get("change").unwrap().as_str().unwrap().to_owned();
        changes.map(|change| (vmid, text(change))).collect::<Vec<_>>()
    };
    guests.iter().flat_map(changes).collect()
}

/// Returns the changes that were told since a revision of each guest, but for those that wait.
async fn told(site: &Site, vmids: &[u64], revision: u64) -> Vec<(u64, String)> {
    let mut told = Vec::new();
    for vmid in vmids {
        for (_, event) in site.inner.bus.history(lxc(*vmid)).await.unwrap() {
            if let phoenix_domain::Fact::StepTaken(taken) = &event.fact
                && event.state.work.revision == revision
            {
                let changes = taken.changes.iter().filter(|change| !change.starts_with("wait"));
                told.extend(changes.map(|change| (*vmid, change.clone())));
            }
        }
    }
    told
}

const ALL: [u64; 4] = [900, 920, 953, 950];

#[tokio::test]
async fn what_is_planned_for_an_empty_host_is_what_is_made_and_planning_makes_nothing() {
    let site = Site::new().await;
    let _worker = site.worker();
    site.until_it_answers().await;

    let plan = site.json(&["plan", "950"]).await;

    assert_eq!(site.inner.host.ledger(), []);
    assert!(site.inner.bus.states().await.unwrap().is_empty(), "something was published");
    site.ok(&["submit", "950"]).await;
    assert_eq!(told(&site, &ALL, 1).await, planned(&plan));
}

#[tokio::test]
async fn what_is_planned_for_a_change_is_what_is_made_then() {
    let (site, _worker) = Site::complete().await;
    site.write(1024, 30);
    let lines = site.lines();

    let text = site.ok(&["plan", "950"]).await;
    let coded = site.phoenix(&["plan", "950", "--exit-code"]).await;
    let plan = site.json(&["plan", "950"]).await;

    assert_eq!(site.lines(), lines, "planning makes nothing");
    assert_eq!(coded.code, 2, "{coded:?}");
    for line in [
        "no change: 900 base, 920 mid, 953 gateway",
        "950 app on pve1, runs",
        "$ (simulated) grow-volume lxc-950",
        "2 changes to 1 guest: 2 live; nothing was run",
    ] {
        assert!(text.out.contains(line), "`{line}` is not in:\n{}", text.out);
    }
    site.ok(&["submit", "950"]).await;
    assert_eq!(told(&site, &[950], 2).await, planned(&plan));
    let none = site.ok(&["plan", "950", "--exit-code"]).await;
    assert!(none.out.ends_with("no changes; nothing was run\n"), "{none:?}");
}

#[tokio::test]
async fn a_refusal_that_is_ahead_is_told_with_its_advice() {
    let (site, _worker) = Site::complete().await;
    site.write(512, 10);

    let ended = site.phoenix(&["plan", "950"]).await;

    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.out.contains("cannot shrink to 10 GiB"), "{ended:?}");
    assert!(ended.out.contains("ask for at least the size there is"), "{ended:?}");
}

#[tokio::test]
async fn where_no_worker_is_the_plan_is_made_from_the_files_and_says_so() {
    let site = Site::new().await;

    let ended = site.ok(&["plan", "950"]).await;
    let offline = site.ok(&["plan", "950", "--offline"]).await;

    assert_eq!(ended.out, offline.out);
    assert!(ended.out.contains("made from the files alone"), "{ended:?}");
    assert!(ended.err.contains("no host was asked what is there: no worker listens"), "{ended:?}");
    assert_eq!((ended.err.lines().count(), offline.err.as_str()), (1, ""), "{ended:?}");
}

#[tokio::test]
async fn a_plan_that_nobody_could_answer_does_not_say_that_nothing_would_change() {
    let site = Site::new().await;

    let ended = site.phoenix(&["plan", "950", "--exit-code"]).await;

    assert_eq!(ended.code, 7, "{ended:?}");
    assert!(ended.out.contains("made from the files alone"), "{ended:?}");
}

#[tokio::test]
async fn a_worker_that_says_nothing_is_not_waited_for() {
    let (site, worker) = Site::complete().await;
    worker.freeze();

    let ended = site.ok(&["plan", "950"]).await;

    assert!(ended.err.contains("the worker of host pve1 did not answer within 2 s"), "{ended:?}");
    worker.thaw();
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_named_for_its_guests() {
    use phoenix_testkit::host::{Fault, FaultKind};

    let (site, _worker) = Site::complete().await;
    site.inner.host.fault(Fault::new(FaultKind::Gone).guest(lxc(950)).kind("look").always());

    let ended = site.phoenix(&["plan", "950"]).await;

    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.out.contains("not known: the host does not answer"), "{ended:?}");
    assert!(ended.out.contains("no change: 900 base, 920 mid, 953 gateway"), "{ended:?}");
}

#[tokio::test]
async fn what_a_guest_that_stands_still_has_inside_is_not_claimed_to_be_missing() {
    let (site, _worker) = Site::complete().await;
    site.ok(&["stop", "950"]).await;
    let lines = site.lines();

    let plan = site.json(&["plan", "950"]).await;

    let certain: Vec<_> = plan["order"][3]["ahead"]["changes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|change| change["isCertain"] == true)
        .map(|change| change["change"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(certain, ["start it"]);
    site.ok(&["submit", "950"]).await;
    assert_eq!(site.made_since(lines), [made(950, "start")]);
}
