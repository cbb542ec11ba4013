//! The fleet of the quick start, by a worker of its own on a made-up node.

use phoenix_testkit::worker::Worker;
use serde_json::{Value, json};

use super::shared;
use super::site::Site;

/// The containers of the quick start, foundations first.
const ALL: [&str; 8] = ["900", "901", "902", "920", "953", "950", "952", "955"];
/// Those that run when all is done; the others rest, for being cloned.
const RUNNING: [u32; 4] = [950, 952, 953, 955];
const NONE: [&str; 0] = [];

async fn quickstart() -> Site {
    let site = Site::of("examples/quickstart").await;
    shared::features(&site.pve);
    site.pve.archive(
        "/var/lib/bulk-library/template/cache/ubuntu-24.04-standard_24.04-2_amd64.tar.zst",
    );
    site
}

/// Makes one where the gateway is complete, and what it is cloned from.
async fn gateway() -> (Site, Worker) {
    let site = quickstart().await;
    let worker = site.worker();
    site.ok(&["submit", "953"]).await;
    (site, worker)
}

/// Returns a command line about all of them.
fn all(verb: &'static str) -> Vec<&'static str> {
    [&[verb][..], &ALL].concat()
}

/// Returns the commands of a plan, with those that nobody types left out.
fn commands(plan: &Value) -> Vec<String> {
    let guests = plan["order"].as_array().unwrap().iter();
    let changes = guests.flat_map(|guest| guest["ahead"]["changes"].as_array().unwrap());
    let commands = changes.flat_map(|change| change["commands"].as_array().unwrap());
    commands.map(|command| command.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn all_containers_are_built_and_a_second_time_no_process_is_started() {
    let site = quickstart().await;
    let by_dhcp = json!({ "name": "eth0", "bridge": "vmbr0", "ip": "dhcp" });
    site.change(|guests| guests["955"]["network_config"] = by_dhcp);
    let _worker = site.worker();

    let submitted = site.ok(&all("submit")).await;

    assert!(submitted.out.ends_with(": 8 completed\n"), "{submitted:?}");
    let world = &site.pve.world;
    let running: Vec<_> =
        world.containers().unwrap().into_iter().filter(|vmid| world.is_running(*vmid)).collect();
    assert_eq!(running, RUNNING);
    site.remains().assert_tidy();
    assert_eq!(site.failures().await, NONE);
    let status = site.ok(&["status"]).await;
    for (guest, address) in
        [("950", "192.168.50.50"), ("953", "192.168.50.53"), ("955", "10.77.0.")]
    {
        let line = status.out.lines().find(|line| line.starts_with(guest)).unwrap();
        assert!(line.contains(address), "{address} is not in {line}");
    }

    let mark = site.pve.mark();
    let again = site.ok(&all("submit")).await;
    assert!(again.out.contains("nothing to ask for"), "{again:?}");
    let plan = site.ok(&[all("plan"), vec!["--exit-code"]].concat()).await;
    assert!(plan.out.ends_with("no changes; nothing was run\n"), "{plan:?}");
    let drift = site.ok(&["drift"]).await;
    assert_eq!(drift.out, "8 guests looked at: no drift\n");
    site.insist().await;
    assert_eq!(site.pve.commands(mark), NONE);
}

#[tokio::test]
async fn what_is_planned_for_a_guest_that_is_not_there_is_what_is_started() {
    let site = quickstart().await;
    let _worker = site.worker();
    site.until_it_answers().await;
    for guest in ["900", "953"] {
        let mark = site.pve.mark();

        let plan = site.json(&["plan", guest]).await;

        assert_eq!(site.pve.commands(mark), NONE, "planning starts nothing");
        site.ok(&["submit", guest]).await;
        let is_pct = |line: &String| line.starts_with("pct ");
        let planned: Vec<_> = commands(&plan).into_iter().filter(is_pct).collect();
        let started: Vec<_> = site.pve.commands(mark).into_iter().filter(is_pct).collect();
        assert_eq!(started, planned);
    }
}

#[tokio::test]
async fn memory_that_somebody_changed_is_found_and_mended_by_the_very_command_of_the_plan() {
    let site = quickstart().await;
    let _worker = site.worker_with("a", &["--drift-every", "50ms"]);
    site.ok(&["submit", "953"]).await;
    site.pve.pct(&["set", "953", "--memory", "64"]);
    site.inner
        .until("the drift was told", |states| {
            states.values().any(|state| state.work.drift == ["set memory"])
        })
        .await;
    let mark = site.pve.mark();

    let drift = site.phoenix(&["drift"]).await;
    let plan = site.json(&["plan", "953"]).await;

    assert_eq!(drift.code, 2, "{drift:?}");
    assert!(
        drift.out.contains("953 gateway on pve1 drifted:\n  memory: 64 MiB, wanted 2048 MiB\n"),
        "{drift:?}"
    );
    assert!(drift.out.ends_with("`phoenix submit 953` mends it\n"), "{drift:?}");
    assert_eq!(commands(&plan), ["pct set 953 --memory 2048"]);
    assert_eq!(site.pve.commands(mark), NONE, "looking starts nothing");
    site.ok(&["submit", "953"]).await;
    assert_eq!(site.pve.commands(mark), ["pct set 953 --memory 2048"]);
    assert_eq!(site.ok(&["drift", "953"]).await.code, 0);
}

#[tokio::test]
async fn a_guest_is_stopped_started_and_started_anew() {
    let (site, _worker) = gateway().await;
    let shutdown = "pct shutdown 953 --timeout 60 --forceStop 1";
    let boot = |site: &Site| site.pve.world.pid(953);
    let first = boot(&site);
    let mark = site.pve.mark();

    let stopped = site.ok(&["stop", "953"]).await;
    assert!(stopped.out.ends_with(": 1 stopped\n"), "{stopped:?}");
    assert!(!site.pve.world.is_running(953));
    site.ok(&["start", "953"]).await;
    assert!(site.pve.world.is_running(953) && boot(&site) != first);
    let second = boot(&site);
    let restarted = site.ok(&["restart", "953"]).await;

    assert!(restarted.out.ends_with(": 1 restarted\n"), "{restarted:?}");
    assert!(site.pve.world.is_running(953) && boot(&site) != second);
    let pct: Vec<_> =
        site.pve.commands(mark).into_iter().filter(|line| line.starts_with("pct ")).collect();
    assert_eq!(pct, [shutdown, "pct start 953", shutdown, "pct start 953"]);
    assert_eq!(site.failures().await, NONE);
}

#[tokio::test]
async fn a_guest_that_is_deleted_leaves_its_volume_and_finds_it_again() {
    let site = quickstart().await;
    let _worker = site.worker();
    site.ok(&["submit", "952"]).await;
    let volume = "fast-ct-volumes:subvol-952-disk-0";
    let precious = site.pve.world.volume(volume).unwrap().unwrap().join("precious");
    std::fs::write(&precious, "kept").unwrap();

    let removed = site.ok(&["delete", "952", "--yes"]).await;

    assert!(removed.out.ends_with(": 1 gone\n"), "{removed:?}");
    assert!(site.pve.world.conf(952).unwrap().is_none());
    assert!(precious.exists(), "{:?}", site.pve.world.volumes());
    let refused = site.phoenix(&["delete", "902", "900", "--yes"]).await;
    assert!(refused.err.contains("900 is what 953 is cloned from"), "{refused:?}");
    site.ok(&["submit", "952"]).await;
    assert!(site.pve.world.value(952, "mp0").unwrap().unwrap().starts_with(volume));
    site.ok(&["delete", "952", "--yes", "--with-volumes"]).await;
    assert!(site.pve.world.volume(volume).unwrap().is_none());
    site.remains().assert_tidy();
}

#[tokio::test]
async fn a_guest_that_somebody_else_made_is_taken_over() {
    let (site, _worker) = gateway().await;
    // The mark is a tag and a line of the description: somebody takes both away.
    site.pve.pct(&["set", "953", "--delete", "tags,description"]);
    site.pve.pct(&["set", "953", "--memory", "64"]);
    site.change(|guests| guests["953"]["cores"] = json!(3));
    let mark = site.pve.mark();
    site.ok(&["submit", "953", "--detach"]).await;
    site.inner
        .until("a human is asked", |states| {
            states.values().any(|state| {
                matches!(state.work.standing, phoenix_domain::Standing::Blocked { .. })
            })
        })
        .await;
    assert_eq!(site.pve.commands(mark), NONE, "what is not ours is not touched");

    site.ok(&["adopt", "953", "--yes"]).await;

    assert_eq!(site.pve.commands(mark), ["pct set 953 --cores 3 --memory 2048"]);
    assert_eq!(site.pve.world.value(953, "tags").unwrap().as_deref(), Some("phoenix"));
    assert_eq!(site.ok(&["drift", "953"]).await.code, 0);
}
