//! What a version stores, written once: `PHOENIX_FREEZE=v0.2 cargo nextest run -p phoenix-tests
//! --ignore-default-filter stored::freeze`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use phoenix_bus::frozen::Frozen;
use phoenix_bus::{MonitorAnswer, MonitorQuestion};
use phoenix_domain::{EventKind, Standing};
use phoenix_testkit::host::{Entry, Fault, FaultKind, Moment, Settings};
use phoenix_testkit::worker::{Start, Worker};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::fleet;
use crate::program::{phoenix_monitor, phoenix_program};
use crate::serve::hooks::{PUSH, SIGNATURE, deliver_to, hooks, rule};
use crate::serve::{PATIENCE, listens};
use crate::survive::site::{States, lxc, quick};
use crate::verbs::site::Site;

#[tokio::test]
async fn what_this_version_stores_is_written() {
    #[expect(clippy::disallowed_methods, reason = "a test has no main to be handed this by")]
    let said = std::env::var("PHOENIX_FREEZE");
    let version = said.expect("PHOENIX_FREEZE says which version this is: v0.2");
    let folder = fleet::stored(&version);
    assert!(!folder.exists(), "{} is there, and is never written again", folder.display());
    let site = Site::new().await;
    fleet::write(&site, 512);

    let worker = site.worker();
    site.ok(&["submit", "950", "951", "952", "953", "955", "956"]).await;
    site.ok(&["restart", "950"]).await;
    repaired(&site).await;
    taken(&site).await;
    gone_back(&site).await;
    site.ok(&["delete", "955", "--yes"]).await;
    given_up(&site).await;
    site.end(worker).await;
    drifted(&site).await;
    cancelled(&site).await;
    unfinished(&site).await;
    site.ok(&["drain", "pve1", "--reason", "new memory", "--detach"]).await;

    write(&site, &folder).await;
}

/// A service fails, is repaired, and people cannot be called about it; a guest is in maintenance.
async fn repaired(site: &Site) {
    let folder = TempDir::new().unwrap();
    let channels = folder.path().join("channels.json");
    // Nobody listens there.
    let nobody = json!([{ "name": "oncall", "kind": "alertmanager", "url": "http://127.0.0.1:9" }]);
    fs::write(&channels, json!({ "channels": nobody }).to_string()).unwrap();
    let mut monitor = Start::new(&phoenix_monitor(), &site.inner.folder("monitor.log"))
        .with(&["--nats-url", &site.inner.server.url(), "--clock-speed", "10"])
        .with(&["--channels", channels.to_str().unwrap()])
        .go();
    until_health(site, |at| at == "healthy").await;
    site.ok(&["health", "mode", "on"]).await;
    let sim = site.inner.host.folder().display().to_string();
    let sick = [
        "sim",
        "--sim-dir",
        &sim,
        "break",
        "951",
        "nginx",
        "--how",
        "refuse",
        "--until",
        "service",
    ];
    site.ok(&sick).await;
    site.until_complete(951, 2).await;
    until_health(site, |at| at == "healthy").await;
    site.ok(&["maintenance", "start", "950", "--reason", "new disks"]).await;
    let is_noted = async {
        loop {
            let channels = site.inner.bus.channels().await.unwrap();
            if channels.iter().any(|channel| channel.error.is_some()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, is_noted)
        .await
        .expect("the channel notes some time that it fails");
    monitor.ask_to_end();
    assert!(monitor.ended().await.success());
}

/// Waits until the web server is found to be like this.
async fn until_health(site: &Site, is_so: impl Fn(&str) -> bool) {
    let found = async {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let answer = site.inner.bus.ask_monitor(&MonitorQuestion::Health, PATIENCE).await;
            let Ok(MonitorAnswer::Health(told)) = answer else { continue };
            let mut probes = told.guests.iter().flat_map(|seen| &seen.probes);
            if probes.any(|(probe, at, _)| &*probe.name == "nginx" && is_so(at.word())) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, found).await.expect("it is found some time");
}

/// A delivery is done, another waits for a window, and the server of a third was killed before it was done.
async fn taken(site: &Site) {
    let folder = TempDir::new().unwrap();
    let (mut first, at) = serve(site, &folder, &rule(950, "main", "restart")).await;
    let (status, said) = deliver_to(&at, "forge", "d-1", SIGNATURE, PUSH).await;
    assert_eq!(status, 202, "{said}");
    site.until_complete(950, 3).await;
    first.kill();
    let mut rule: Value = serde_json::from_str(&rule(950, "main", "restart")).unwrap();
    // Never while this is frozen, and for long before it is read.
    let days = json!({ "days": ["mon"], "from": "03:00", "to": "03:01" });
    rule["window"] = days;
    let (mut second, at) = serve(site, &folder, &rule.to_string()).await;
    let (status, said) = deliver_to(&at, "forge", "d-2", SIGNATURE, PUSH).await;
    assert!(status == 202 && said.contains("waits"), "{status}: {said}");
    second.kill();
    let errand =
        json!({ "run": "r-errand", "by": "ann by forge", "actions": { "950": "restart" } });
    let note = json!({ "at": chrono::Utc::now(), "became": [], "errand": errand }).to_string();
    site.inner.server.publish("$KV.phoenix-deliveries.main.forge.d-3", note);
}

async fn serve(site: &Site, folder: &TempDir, rules: &str) -> (Worker, String) {
    let file = hooks(folder, rules);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let log = folder.path().join(format!("serve-{}.log", rules.len()));
    let server = Start::new(&phoenix_program(), &log)
        .with(&["serve", "--listen", "127.0.0.1:0", "--nats-url", &site.inner.server.url()])
        .with(&["--hooks", file.to_str().unwrap(), "--config", site.folder().to_str().unwrap()])
        .go();
    let at = listens(&server, 0).await;
    (server, at)
}

async fn gone_back(site: &Site) {
    let refused = Fault::new(FaultKind::Refuse).guest(lxc(952)).kind("set-properties");
    let fault = site.inner.host.fault(refused.always());
    fleet::write(site, 768);
    let ended = site.phoenix(&["submit", "952", "--safely", "--hold", "1s"]).await;
    assert_eq!(ended.code, 9, "{ended:?}");
    site.inner.host.without_fault(fault);
    fleet::write(site, 512);
}

/// A guest is given up, after a step that failed and was tried again.
async fn given_up(site: &Site) {
    let fails = Fault::new(FaultKind::Fail).guest(lxc(954)).kind("start");
    let fault = site.inner.host.fault(fails.always());
    let ended = site.phoenix(&["submit", "954"]).await;
    assert_eq!(ended.code, 9, "{ended:?}");
    site.inner.host.without_fault(fault);
}

/// A guest is stopped by hand, and the worker finds that by itself; a human is asked about another, and agrees.
async fn drifted(site: &Site) {
    site.inner.host.halt(lxc(956));
    site.inner.host.give(lxc(953), phoenix_domain::Owner::Somebody);
    let worker = site.inner.worker_with("drift", "run", &["--drift-every", "50ms"]);
    let is_told =
        |states: &States| states.get(&lxc(956)).is_some_and(|one| !one.work.drift.is_empty());
    site.inner.until("it is told that it drifted", is_told).await;
    site.ok(&["restart", "953", "--detach"]).await;
    let is_asked = |states: &States| {
        let standing = states.get(&lxc(953)).map(|one| &one.work.standing);
        matches!(standing, Some(Standing::Blocked { .. }))
    };
    site.inner.until("a human is asked", is_asked).await;
    site.inner.host.give(lxc(953), phoenix_domain::Owner::Phoenix);
    site.ok(&["answer", "953", "yes"]).await;
    site.until_complete(953, 2).await;
    site.end(worker).await;
}

async fn cancelled(site: &Site) {
    site.inner.host.set(&Settings { latency_ms: 400, ..quick() });
    let worker = site.worker();
    site.ok(&["submit", "959", "--detach"]).await;
    let is_begun = |_: &[Entry]| site.inner.host.begun(lxc(959), "create") == 1;
    site.inner.until_ledger("it is begun", is_begun).await;
    site.ok(&["cancel", "959"]).await;
    let is_over = |states: &States| {
        let standing = states.get(&lxc(959)).map(|one| &one.work.standing);
        matches!(standing, Some(Standing::Cancelled))
    };
    site.inner.until("it is cancelled", is_over).await;
    site.inner.host.set(&quick());
    site.end(worker).await;
}

/// A worker is killed while it changes a guest, and another guest waits for that one.
async fn unfinished(site: &Site) {
    site.inner.host.set(&Settings { latency_ms: 400, ..quick() });
    let kill = Fault::new(FaultKind::KillStarter { at: Moment::During }).guest(lxc(957));
    site.inner.host.fault(kill.kind("start"));
    let mut worker = site.worker();
    site.ok(&["submit", "958", "--detach"]).await;
    worker.is_killed().await;
    site.inner.host.set(&quick());
    // What it had begun ends without it.
    let is_over = || {
        let ledger = site.inner.host.ledger();
        let count = |mark| ledger.iter().filter(|entry| entry.mark == mark).count();
        count(phoenix_testkit::host::Mark::Begun) == count(phoenix_testkit::host::Mark::Done)
    };
    tokio::time::timeout(PATIENCE, site.inner.poll("the change ends", is_over)).await.unwrap();
}

/// Writes all that is stored.
async fn write(site: &Site, folder: &std::path::Path) {
    let mut kinds = BTreeSet::new();
    for guest in site.inner.bus.states().await.unwrap().into_keys() {
        let history = site.inner.bus.history(guest).await.unwrap();
        kinds.extend(history.into_iter().map(|(_, event)| event.fact.kind().type_name()));
    }
    let missing: Vec<_> = EventKind::ALL
        .iter()
        .map(|kind| kind.type_name())
        .filter(|kind| !kinds.contains(kind))
        .collect();
    assert!(missing.is_empty(), "no story tells {missing:?}");
    fs::create_dir_all(folder).unwrap();
    for stream in Frozen::all() {
        let frozen = site.inner.bus.freeze(&stream).await.unwrap();
        let text = serde_json::to_string_pretty(&frozen).unwrap();
        fs::write(folder.join(format!("{stream}.json")), text + "\n").unwrap();
    }
    let host = json!({
        "host": fleet::files(site.inner.host.folder()),
        "state": fleet::files(&site.inner.folder("state")),
    });
    fs::write(folder.join("host.json"), format!("{host:#}\n")).unwrap();
}
