//! What an earlier version has stored is put into a real server; today's programs read all of it, and finish it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};

use phoenix_bus::frozen::{Body, Frozen, FrozenMessage};
use phoenix_bus::{Bus, MonitorAnswer, MonitorQuestion};
use phoenix_domain::GuestKey;
use phoenix_testkit::host::Host;
use phoenix_testkit::nats::NatsServer;
use phoenix_testkit::worker::Start;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::fleet;
use crate::program::{phoenix_monitor, phoenix_program, phoenix_started};
use crate::serve::hooks::{hooks, rule};
use crate::serve::{PATIENCE, json_of, listens};
use crate::survive::site::{self, States, assert_whole, lxc, quick};
use crate::verbs::site::Site;

/// Which streams are not as they were when somebody comes back: who acted has lost its lease, and what lived in the
/// memory of a server is gone.
const GONE: [&str; 2] = ["KV_phoenix-leases", "PHOENIX_WORK"];

/// Returns a server and a host as they were left, with the streams as they were made then.
async fn left(version: &str) -> Site {
    let folder = fleet::stored(version);
    let server = NatsServer::start();
    let bus = Bus::connect(&server.address()).await.unwrap();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if name == "host" {
            continue;
        }
        let mut frozen: Frozen = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        if GONE.contains(&name) {
            frozen.messages.clear();
        }
        frozen.messages.iter_mut().for_each(lengthen);
        bus.thaw(&frozen).await.unwrap();
    }
    let files: BTreeMap<String, BTreeMap<String, String>> =
        serde_json::from_slice(&fs::read(folder.join("host.json")).unwrap()).unwrap();
    let host = Host::new(&quick());
    fleet::write_files(host.folder(), &files["host"]);
    let inner = site::Site::over(server, host).await;
    fleet::write_files(&inner.folder("state"), &files["state"]);
    let site = Site::over(inner);
    fleet::write(&site, 512);
    site
}

/// Has a maintenance last until it is read, whenever that is: an hour after it was frozen it would be over.
fn lengthen(message: &mut FrozenMessage) {
    let Body::Text(text) = &mut message.body else { return };
    let Ok(mut note) = serde_json::from_str::<Value>(text) else { return };
    let Some(windows) = note.get_mut("windows").and_then(Value::as_array_mut) else { return };
    for window in windows {
        window["to"] = json!("2999-12-31T00:00:00Z");
    }
    *text = note.to_string();
}

fn guests() -> Vec<GuestKey> {
    fleet::STORIES.iter().map(|(vmid, _)| lxc(*vmid)).collect()
}

/// Looks at all of it with the programs for people.
async fn is_read(site: &Site) {
    let status = site.json(&["status"]).await;
    let listed = status["guests"].as_array().unwrap();
    let found: BTreeMap<_, _> = listed
        .iter()
        .map(|guest| (guest["vmid"].as_u64().unwrap(), guest["state"].as_str().unwrap()))
        .collect();
    let mut wrong = Vec::new();
    for (vmid, state) in [
        (900, "completed"),
        (950, "restarted"),
        (951, "repaired"),
        (952, "gone-back"),
        (953, "restarted"),
        (954, "dead"),
        (956, "completed"),
        (957, "working"),
        (958, "requested"),
        (959, "cancelled"),
    ] {
        let is = found.get(&vmid).copied();
        if is != Some(state) {
            wrong.push(format!("{vmid} is {is:?}, and was {state}"));
        }
    }
    for guest in guests() {
        let vmid = guest.vmid.to_string();
        let there = site.inner.bus.history(guest).await.unwrap().len();
        let told = site.ok(&["history", &vmid, "-o", "jsonl"]).await;
        assert_eq!(told.out.lines().count(), there, "{vmid}: {told:?}");
    }
    for (args, said) in [
        (&["explain", "954"][..], "954 dead on pve1: dead"),
        (&["explain", "952"], "gone-back"),
        (&["dead", "list"], "954 dead"),
        (&["nodes"], "drained"),
        (&["deliveries"], "d-1"),
        (&["deliveries"], "d-2"),
        (&["deliveries"], "d-3"),
        (&["incidents", "--all"], "951"),
        (&["runs"], "r-"),
        (&["history", "955"], "completed"),
    ] {
        let told = site.phoenix(args).await;
        if !told.out.contains(said) || told.err.contains("warning") {
            wrong.push(format!("{args:?}: `{said}` is not in {told:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let letters = site.json(&["dead", "list"]).await;
    for letter in letters["letters"].as_array().unwrap() {
        let number = letter["letter"].to_string();
        site.ok(&["dead", "show", &number]).await;
    }
    let machine = site.folder().to_str().unwrap();
    let doctor = site.phoenix(&["doctor", "--root", machine, "-o", "json"]).await;
    let found = crate::verbs::doctor::checks(&doctor);
    let wrong: Vec<_> = found
        .iter()
        .filter(|line| line["check"] == "streams" && line["sign"] == "wrong")
        .filter(|line| !line["found"].as_str().unwrap().ends_with("is missing"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// Follows everything from the beginning: there is a line for each event, and each is read.
async fn is_watched(site: &Site) {
    let events = site.inner.bus.messages_of("PHOENIX_LOG").await.unwrap().unwrap();
    let (folder, url) = (site.folder().to_owned(), site.inner.server.url());
    let watch = move || {
        let args = ["watch", "--since", "876000h", "-o", "jsonl"];
        let mut watch = phoenix_started(&folder, &args, &[("NATS_URL", &url), ("USER", "kim")]);
        let lines = BufReader::new(watch.stdout.take().unwrap()).lines();
        let told: Vec<Value> = lines
            .take(usize::try_from(events).unwrap())
            .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
            .collect();
        watch.kill().unwrap();
        watch.wait().unwrap();
        told
    };
    let watched = tokio::time::timeout(PATIENCE, tokio::task::spawn_blocking(watch)).await;
    let told = watched.expect("all of it is told some time").unwrap();
    assert!(told.iter().all(|event| event["type"].is_string()), "{told:?}");
}

/// Has everybody go on who was at work then.
async fn is_finished(site: &Site) {
    let worker = site.worker();
    let is_drained = site.ok(&["nodes"]).await;
    assert!(is_drained.out.contains("drained"), "{is_drained:?}");
    site.ok(&["drain", "pve1", "--end"]).await;
    site.until_complete(957, 1).await;
    site.until_complete(958, 1).await;

    // What was accepted before a server was killed is done by whoever serves next.
    let secrets = TempDir::new().unwrap();
    let file = hooks(&secrets, &rule(950, "main", "restart"));
    let serve = Start::new(&phoenix_program(), &site.inner.folder("serve.log"))
        .with(&["serve", "--listen", "127.0.0.1:0", "--nats-url", &site.inner.server.url()])
        .with(&["--hooks", file.to_str().unwrap(), "--config", site.folder().to_str().unwrap()])
        .go();
    let at = listens(&serve, 0).await;
    let is_done = |states: &States| {
        let record = states.get(&lxc(950));
        record.is_some_and(|one| one.is_complete() && one.desired.revision > 3)
    };
    site.inner.until("the errand is done", is_done).await;
    let shown = async {
        loop {
            let all = json_of(&at, "/api/v1/state").await;
            let guests = all["guests"].as_array().cloned().unwrap_or_default();
            let is_done = |guest: &Value| guest["vmid"] == 958 && guest["state"] == "completed";
            if guests.len() >= fleet::STORIES.len() - 1 && guests.iter().any(is_done) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, shown).await.expect("it is shown some time");

    let _monitor = Start::new(&phoenix_monitor(), &site.inner.folder("monitor.log"))
        .with(&["--nats-url", &site.inner.server.url(), "--clock-speed", "10"])
        .go();
    let looked_after = async {
        loop {
            let answer = site.inner.bus.ask_monitor(&MonitorQuestion::Health, PATIENCE).await;
            let Ok(MonitorAnswer::Health(told)) = answer else { continue };
            if told.guests.iter().any(|seen| seen.guest == lxc(951)) {
                return told;
            }
        }
    };
    let told = tokio::time::timeout(PATIENCE, looked_after).await.expect("it is looked after");
    assert!(format!("{told:?}").contains("new disks"), "the maintenance is known: {told:?}");

    let letters = site.json(&["dead", "list"]).await;
    let letters = letters["letters"].as_array().unwrap();
    let of_954 = letters.iter().find(|letter| letter.to_string().contains("lxc-954")).unwrap();
    site.ok(&["dead", "replay", &of_954["letter"].to_string()]).await;
    site.until_complete(954, 2).await;
    site.end(worker).await;
}

/// Reads and finishes what a version has stored.
async fn goes_on(version: &str) {
    let site = left(version).await;
    let lines = site.lines();

    is_read(&site).await;
    is_watched(&site).await;
    // Every worker that starts does this.
    site.inner.server.bus().await;
    is_read(&site).await;
    is_finished(&site).await;

    assert_whole(&site.inner.bus).await;
    let made = site.made_since(lines);
    let open = [lxc(950), lxc(954), lxc(957), lxc(958)];
    assert!(made.iter().all(|(guest, _)| open.contains(guest)), "it was as wanted: {made:?}");
    let count =
        |guest, kind: &str| made.iter().filter(|one| **one == (guest, kind.to_owned())).count();
    assert_eq!(count(lxc(957), "create"), 0, "it was made before: {made:?}");
    assert_eq!(count(lxc(958), "create"), 1, "{made:?}");
    // The window of the other delivery may be open by the time that this is read.
    assert!((1..=2).contains(&count(lxc(950), "restart")), "{made:?}");
}

#[tokio::test]
async fn what_0_1_has_stored_is_read_and_finished() {
    goes_on("v0.1").await;
}

#[test]
fn every_version_that_was_frozen_is_read() {
    let folders = fs::read_dir(fleet::stored("")).unwrap();
    let versions: Vec<_> =
        folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();

    assert_eq!(versions, ["v0.1"], "give the new one a line like `what_0_1_has_stored_…`");
}
