//! What programs do now and then only: each role does it with its own key.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::Utc;
use phoenix_bus::{Approval, Bus, Decision, FleetNote};
use phoenix_domain::{PackName, RunId};

use super::site::Site;

#[tokio::test]
async fn what_is_brought_along_is_fetched_and_cleared_away() {
    let (site, _server) = Site::running();
    fetches_and_clears_away(&site.bus("submitter").await, &site.bus("worker-pve1").await).await;
}

/// Brings a pack along, and has a worker fetch and remove it.
pub(super) async fn fetches_and_clears_away(submitter: &Bus, worker: &Bus) {
    // One message does not hold it.
    let archive = vec![7; 300_000];
    let pack = PackName::of(&archive);

    submitter.bring(&[(&pack, &archive)]).await.unwrap();
    assert_eq!(worker.brought(&pack).await.unwrap(), Some(archive));
    let later = Utc::now() + Duration::from_mins(1);
    worker.forget_packs(&BTreeSet::new(), later).await.unwrap();
    assert_eq!(worker.brought(&pack).await.unwrap(), None);
}

#[tokio::test]
async fn people_are_called_and_a_channel_is_forgotten() {
    let (site, _server) = Site::running();
    let monitor = site.bus("monitor").await;
    let (channel, incident) = ("pager".parse().unwrap(), "7F3K2A".parse().unwrap());
    monitor.tell_incident(&incident, b"nobody's".to_vec()).await.unwrap();
    monitor.tell_channel(&channel, b"{}".to_vec()).await.unwrap();
    let lease = monitor.channel_lease(&channel, "us").await.unwrap();
    let mut calls = monitor.calls(&channel).await.unwrap();
    monitor.channel_memory(&channel).await.unwrap().keep().await.unwrap().unwrap();

    // What is not ours is said to be done, and nobody is called.
    let done = async {
        while monitor.channels().await.unwrap()[0].waiting > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        call = calls.next() => panic!("it is no call: {}", call.is_some()),
        () = done => {}
    }
    lease.give_back().await.unwrap();
    assert!(monitor.forget_channel(&channel).await.unwrap());
    assert_eq!(monitor.channels().await.unwrap(), []);
}

#[tokio::test]
async fn what_waits_for_people_is_agreed_to_and_forgotten() {
    let (site, _server) = Site::running();
    let (serve, submitter) = (site.bus("serve").await, site.bus("submitter").await);
    let (run, source, now): (RunId, _, _) =
        ("r-0001".parse().unwrap(), "forge".parse().unwrap(), Utc::now());
    let approval = Approval {
        run: run.clone(),
        about: "forge".to_owned(),
        commit: "c0ffee".to_owned(),
        question: "deploy c0ffee?".to_owned(),
        since: now,
        decision: None,
    };
    let asks = |_| FleetNote { approval: Some(approval.clone()), ..FleetNote::default() };
    serve.change_fleet_note(&source, asks).await.unwrap();
    let asked = site.bus("watcher").await.approvals().await.unwrap();
    assert_eq!(asked, std::slice::from_ref(&approval));

    let decision = Decision { yes: true, by: "kim".to_owned(), at: now };
    let decided = submitter.decide(&run, None, &decision).await.unwrap().unwrap();

    assert_eq!(decided.approved_by(), Some("kim"));
    let note = serve.fleet_note(&source).await.unwrap().unwrap();
    assert_eq!(note.approval, Some(decided));
    serve.forget_later(&run).await.unwrap();
    assert!(serve.laters().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_nobody_can_read_is_filed_by_a_worker_and_discarded_by_who_asks_for_guests() {
    let (site, _server) = Site::running();
    let _worker = site.worker("pve1", None);
    let submitter = site.bus("submitter").await;
    // What is published there is empty.
    assert!(!submitter.is_forbidden_to_publish("phoenix.log.main.lxc-950").await.unwrap());

    site.until("watcher", &["dead", "list"], |ended| ended.out.contains("lxc-950"));
    let discarded = site.phoenix("submitter", &["dead", "discard", "1", "--yes"]);

    assert_eq!(discarded.code, 0, "{discarded:?}");
    assert!(submitter.dead_letters().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_said_in_guests_is_heard_by_who_looks() {
    let (site, _server) = Site::running();
    let (worker, watcher) = (site.bus("worker-pve1").await, site.bus("watcher").await);
    let mut listener = watcher.listen().await.unwrap();
    // A server that answers has heard what was said to it before.
    watcher.look_up().await.unwrap();

    worker.say_aloud("lxc-901".parse().unwrap(), vec!["hello".to_owned()]).await.unwrap();

    assert_eq!(listener.next().await.unwrap().lines, ["hello"]);
}
