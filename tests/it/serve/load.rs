//! Webhooks in great numbers: those that nobody signed, and those that all have to be done.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use futures_util::future::join_all;
use phoenix_bus::DeliveryTold;
use phoenix_domain::{EventKind, RunId};
use phoenix_testkit::forge::{SECRET, Sender, push_to};
use phoenix_testkit::guest;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Served;
use crate::survive::site::lxc;
use crate::verbs::site::Site;

/// How many guests there are, each with a branch of its own.
const GUESTS: u64 = 20;
const FIRST: u64 = 1000;
/// How many senders send at once.
const SENDERS: usize = 16;
/// How many each of them sends, of those that nobody signed and of those that are too long.
const BAD: usize = 625;
/// How many each of them sends, of those that have to be done.
const GOOD: usize = 60;
/// How much more memory a server may have taken after what it has refused, in KiB.
const MORE: u64 = 32 * 1024;

/// Sends a delivery as often as it takes; a server whose NATS is away says that it is not taken.
async fn send_until_taken(sender: &mut Sender, id: &str, body: &str) -> Value {
    loop {
        let (status, said) = sender.send(id, body).await;
        match status {
            200 | 202 => return serde_json::from_str(&said).unwrap(),
            503 => tokio::task::yield_now().await,
            _ => panic!("{status}: {said}"),
        }
    }
}

fn push(vmid: u64) -> String {
    push_to(&format!("g{vmid}"))
}

async fn served(site: &Site, folder: &TempDir) -> Served {
    let secret = folder.path().join("forge.secret");
    fs::write(&secret, SECRET).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let rules: Vec<_> = (FIRST..FIRST + GUESTS)
        .map(|vmid| {
            json!({
                "repository": "github.com/acme/fleet", "branch": format!("g{vmid}"),
                "guests": [vmid], "action": "restart",
            })
        })
        .collect();
    let forge = json!({ "provider": "github", "secret_files": [secret], "per_second": 1_000_000 });
    let file = folder.path().join("hooks.json");
    let text = json!({ "sources": { "forge": forge }, "rules": rules }).to_string();
    fs::write(&file, text).unwrap();
    Served::with(site, "127.0.0.1:0", &["--hooks", file.to_str().unwrap()]).await
}

/// Returns the most memory a process ever had, in KiB.
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn ten_thousand_that_nobody_signed_and_as_many_that_are_too_long_leave_nothing() {
    let site = Site::new().await;
    let folder = TempDir::new().unwrap();
    let served = served(&site, &folder).await;
    let (body, wrong) = (push(FIRST), "0".repeat(64));
    let mut one = Sender::connect(&served.at).await;
    assert_eq!(one.send_as("d-0", &wrong, &body, body.len()).await.0, 401);
    let before = (peak(served.server.pid()), site.inner.bus.log_length().await.unwrap());

    join_all((0..SENDERS).map(|sender| {
        let (served, body, wrong) = (&served, &body, &wrong);
        async move {
            let mut unsigned = Sender::connect(&served.at).await;
            for nth in 0..BAD {
                let id = format!("d-{sender}-{nth}");
                assert_eq!(unsigned.send_as(&id, wrong, body, body.len()).await.0, 401);
                // One that is not read to its end costs its connection.
                let mut long = Sender::connect(&served.at).await;
                assert_eq!(long.send_as(&id, wrong, "", 1 << 30).await.0, 413);
            }
        }
    }))
    .await;

    let after = (peak(served.server.pid()), site.inner.bus.log_length().await.unwrap());
    assert_eq!(after.1, before.1, "nothing is told");
    assert!(after.0 < before.0 + MORE, "{} -> {} KiB", before.0, after.0);
    assert!(site.inner.bus.deliveries().await.unwrap().is_empty(), "nothing is noted");
}

#[tokio::test]
async fn all_that_are_taken_are_done_once_though_nats_is_killed_in_between() {
    let mut site = Site::new().await;
    let specs: Vec<_> = (FIRST..FIRST + GUESTS).map(|vmid| guest(vmid).build()).collect();
    let _worker = site.worker();
    site.inner.submit(&specs).await;
    site.inner.until_complete(&specs).await;
    let folder = TempDir::new().unwrap();
    let served = served(&site, &folder).await;

    let at = served.at.clone();
    let sending = tokio::spawn(join_all((0..SENDERS).map(|sender| {
        let at = at.clone();
        async move {
            let mut forge = Sender::connect(&at).await;
            let mut answers = Vec::new();
            for nth in 0..GOOD {
                let branch = FIRST + u64::try_from(sender * GOOD + nth).unwrap() % GUESTS;
                let id = format!("d-{sender}-{nth}");
                answers.push((id.clone(), send_until_taken(&mut forge, &id, &push(branch)).await));
            }
            answers
        }
    })));
    // Some are done by then, and most are not.
    site.inner
        .until_ledger("some were done", |ledger| {
            ledger.iter().filter(|entry| entry.kind == "restart").count() > 20
        })
        .await;
    site.inner.server.kill();
    site.inner.server.restart();
    let answers: Vec<_> = sending.await.unwrap().into_iter().flatten().collect();

    // Each is settled once what became of it is noted.
    let settled = async {
        let mut open: BTreeSet<_> = answers.iter().map(|(id, _)| id.clone()).collect();
        let mut tail = site.inner.bus.tail_deliveries().await.unwrap();
        while !open.is_empty() {
            let DeliveryTold::Noted(noted) = tail.next().await else { continue };
            if noted.accepted.errand.is_none() {
                open.remove(&noted.id);
            }
        }
    };
    tokio::time::timeout(super::PATIENCE, settled).await.expect("something became of each");
    let mut runs: BTreeMap<RunId, usize> = BTreeMap::new();
    for spec in &specs {
        for (_, event) in site.inner.bus.history(lxc(spec.vmid.number().into())).await.unwrap() {
            if event.fact.kind() == EventKind::Requested {
                *runs.entry(event.state.desired.run).or_insert(0) += 1;
            }
        }
    }
    let mut asked = 0;
    for (id, answer) in &answers {
        let run = answer["runs"][0].as_str().or_else(|| answer["run"].as_str()).unwrap();
        // Where it was not asked for, its guest was about to be started anew already.
        if let Some(times) = runs.get(&run.parse::<RunId>().unwrap()) {
            assert_eq!(*times, 1, "{id} {answer}");
            asked += 1;
        }
    }
    assert_eq!(runs.values().sum::<usize>(), specs.len() + asked, "nobody else asked for anything");
    site.inner.until_complete(&specs).await;
    // What was begun and then asked for once more may have been done for both.
    let restarts = site.inner.host.done().iter().filter(|entry| entry.kind == "restart").count();
    assert!(restarts <= asked, "none was done twice: {restarts} of {asked}");
    assert!(restarts >= specs.len(), "each guest was started anew: {restarts}");
    site.inner.assert_log_is_whole().await;

    let mut again = Sender::connect(&served.at).await;
    for (id, _) in &answers {
        let (status, said) = again.send(id, &push(FIRST)).await;
        assert_eq!(status, 200, "{said}");
    }
}
