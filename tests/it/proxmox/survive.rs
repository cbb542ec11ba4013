//! Workers that are killed at every command of a node, and nodes that others work on as well.
//!
//! The command itself kills the worker that started it, so the point is exact and takes no timing.

use phoenix_domain::{EventKind, GuestKey, GuestSpec, MebiBytes, Nic, Record, VolumeSource};
use phoenix_fake_proxmox::{Fault, What, When};
use phoenix_testkit::guest;
use phoenix_testkit::pve::ARCHIVE;

use super::shared;
use super::site::{Remains, Site};
use crate::survive::site::lxc;

const NONE: [&str; 0] = [];
/// What must never be started twice where the first came to its end.
const ONCE: [&str; 3] = ["pct create ", "pct clone ", "pct snapshot "];

fn nic(last: u64) -> Nic {
    Nic {
        name: Some("eth0".into()),
        bridge: "vmbr0".parse().unwrap(),
        address: format!("10.0.{}.{}/24", last / 250, last % 250 + 1).parse().unwrap(),
        gateway: None,
        // Proxmox would invent another one each time, and what there is could not be compared.
        mac: Some(format!("52:54:00:00:{:02X}:{:02X}", last / 256, last % 256).parse().unwrap()),
        nameservers: Vec::new(),
    }
}

fn parent() -> GuestSpec {
    let spec = guest(900).archive(ARCHIVE).storage("fast").disk(4).features(&["base_setup"]);
    GuestSpec { nics: vec![nic(900)], ..spec.seal("ready").build() }
}

fn child() -> GuestSpec {
    let spec = guest(950)
        .of(900)
        .storage("fast")
        .disk(6)
        .cores(2)
        .volume("data", "/data", 2)
        .features(&["docker"])
        .application("app.sh");
    let mut spec = GuestSpec { nics: vec![nic(950)], ..spec.build() };
    if let VolumeSource::Storage { storage, .. } = &mut spec.volumes[0].source {
        *storage = "bulk".parse().unwrap();
    }
    spec
}

/// A parent and its clone, in two requests, so that one comes after the other.
fn chain() -> [Vec<GuestSpec>; 2] {
    [vec![parent()], vec![parent(), child()]]
}

async fn fresh() -> Site {
    let site = Site::new().await;
    shared::features(&site.pve);
    shared::script(&site.pve, "app.sh");
    site
}

/// How one run that nobody disturbed went.
struct Undisturbed {
    remains: Remains,
    commands: Vec<String>,
}

async fn undisturbed() -> Undisturbed {
    let site = fresh().await;
    let _worker = site.worker();
    for specs in chain() {
        site.inner.submit(&specs).await;
        site.until_complete(&specs).await;
    }
    assert_eq!(site.failures().await, NONE);
    Undisturbed { remains: site.remains(), commands: changing(&site) }
}

/// Returns the command lines of those programs that change something.
fn changing(site: &Site) -> Vec<String> {
    let all = site.pve.commands(0).into_iter();
    all.filter(|line| line.starts_with("pct ") || line.starts_with("lxc-attach ")).collect()
}

/// Kills the worker at every command of the chain, in this way, and whoever is started after it.
async fn kill_at_every(programs: &[&str], how: &What) -> (Site, Undisturbed) {
    let undisturbed = undisturbed().await;
    let site = fresh().await;
    let mut faults = 0;
    for line in &undisturbed.commands {
        let words: Vec<_> = line.split(' ').collect();
        // `lxc-attach -n 950 …`: the double takes the first word for the subcommand.
        let (program, verb) = (words[0], words[1]);
        let vmid = words.iter().find_map(|word| word.parse().ok()).unwrap();
        if programs.contains(&program) {
            site.pve.fault(Fault::new(how.clone()).of(program, verb).vmid(vmid));
            faults += 1;
        }
    }
    let mut deaths = 0;
    for specs in chain() {
        site.inner.submit(&specs).await;
        let complete = site.until_complete(&specs);
        tokio::pin!(complete);
        loop {
            let mut worker = site.worker();
            tokio::select! {
                () = &mut complete => break,
                () = worker.is_killed() => deaths += 1,
            }
        }
    }

    assert!(faults >= programs.len() * 4, "{:?}", undisturbed.commands);
    assert_eq!(site.pve.faults_left(), 0, "some command was never started: {:#?}", changing(&site));
    assert_eq!(deaths, faults, "one death a command");
    let remains = site.remains();
    remains.assert_tidy();
    assert_eq!(remains, undisturbed.remains);
    site.inner.assert_log_is_whole().await;
    let before = changing(&site);
    let _worker = site.worker();
    site.insist().await;
    assert_eq!(changing(&site), before, "something was still to do");
    (site, undisturbed)
}

/// Fails where a command was started that an undisturbed run does not start, or one more often.
///
/// A guest that stands still is started for being looked into, so those two are not compared.
fn assert_same_commands(site: &Site, undisturbed: &Undisturbed) {
    let is_power = |line: &&String| line.contains("pct start ") || line.contains("pct shutdown ");
    let started = changing(site);
    let but_power = |lines: &[String]| -> Vec<String> {
        lines.iter().filter(|line| !is_power(line)).cloned().collect()
    };
    assert_eq!(but_power(&started), but_power(&undisturbed.commands));
}

/// Fails where something that must be made once was made a second time.
fn assert_made_once(site: &Site, undisturbed: &Undisturbed) {
    let count = |lines: &[String], line: &String| lines.iter().filter(|one| *one == line).count();
    let ended = site.pve.ended(0);
    for line in &undisturbed.commands {
        if ONCE.iter().any(|once| line.starts_with(once)) {
            assert!(count(&ended, line) <= 1, "{line}");
        }
    }
}

#[tokio::test]
async fn a_worker_killed_before_a_command_leaves_it_at_work_and_the_next_one_waits_for_it() {
    let how = What::KillStarter { when: When::Before };
    let (site, undisturbed) = kill_at_every(&["pct", "lxc-attach"], &how).await;
    assert_same_commands(&site, &undisturbed);
}

#[tokio::test]
async fn a_worker_killed_during_a_command_leaves_it_at_work_and_the_next_one_waits_for_it() {
    let how = What::KillStarter { when: When::During };
    let (site, undisturbed) = kill_at_every(&["pct"], &how).await;
    assert_same_commands(&site, &undisturbed);
}

#[tokio::test]
async fn a_worker_killed_after_a_command_does_not_start_it_twice() {
    let how = What::KillStarter { when: When::After };
    let (site, undisturbed) = kill_at_every(&["pct", "lxc-attach"], &how).await;
    assert_same_commands(&site, &undisturbed);
}

#[tokio::test]
async fn a_worker_and_its_command_killed_before_that_began_is_made_good() {
    let how = What::KillAll { when: When::Before };
    let (site, undisturbed) = kill_at_every(&["pct", "lxc-attach"], &how).await;
    assert_made_once(&site, &undisturbed);
}

#[tokio::test]
async fn a_worker_and_its_command_killed_in_the_middle_leave_nothing_behind() {
    let how = What::KillAll { when: When::During };
    let (site, undisturbed) = kill_at_every(&["pct"], &how).await;
    assert_made_once(&site, &undisturbed);
}

#[tokio::test]
async fn a_worker_and_its_command_killed_when_all_was_done_do_nothing_twice() {
    let how = What::KillAll { when: When::After };
    let (site, undisturbed) = kill_at_every(&["pct", "lxc-attach"], &how).await;
    assert_made_once(&site, &undisturbed);
    let starts = |line: &String| ONCE.iter().any(|once| line.starts_with(once));
    let made: Vec<_> = changing(&site).into_iter().filter(starts).collect();
    let wanted: Vec<_> = undisturbed.commands.into_iter().filter(starts).collect();
    assert_eq!(made, wanted, "what was done is seen to be done");
}

#[tokio::test]
async fn what_is_still_at_work_in_a_guest_holds_it_against_the_next_worker() {
    let site = fresh().await;
    // It ends by itself where this test fails.
    let until = "n=0; until [ -e /opt/go ]; do n=$((n+1)); [ $n -lt 3000 ]; sleep 0.02; done";
    let script = format!("#!/bin/sh\nset -eu\nmkdir -p /opt\necho ran >> /opt/ran\n{until}\n");
    site.pve.script("app.sh", &script);
    let want = GuestSpec { features: Vec::new(), ..child() };
    site.pve.fault(
        Fault::new(What::KillStarter { when: When::Before }).of("lxc-attach", "-n").vmid(950),
    );
    site.inner.submit(&[parent(), want.clone()]).await;
    site.worker().is_killed().await;

    let next = site.worker_with("next", &[]);
    let begun = || site.pve.commands(0).iter().filter(|line| line.contains("-n 950 ")).count();
    let is_held = || next.log().contains("held by somebody else");
    site.inner.poll("the next one is there", || is_held() || begun() > 1).await;

    assert_eq!(begun(), 1, "it was started beside the one that is at work");
    let root = site.pve.world.volume("fast:subvol-950-disk-0").unwrap().unwrap();
    std::fs::create_dir_all(root.join("opt")).unwrap();
    std::fs::write(root.join("opt/go"), "").unwrap();
    site.until_complete(&[want]).await;
    assert_eq!(begun(), 1);
    assert_eq!(std::fs::read_to_string(root.join("opt/ran")).unwrap(), "ran\n");
}

#[tokio::test]
async fn two_workers_on_one_node_do_nothing_twice() {
    let site = fresh().await;
    let (_one, _other) = (site.worker_with("a", &[]), site.worker_with("b", &[]));
    let mut specs = vec![parent()];
    specs.extend((1..=6).map(|nth| clone(960 + nth)));

    site.inner.submit(&specs).await;
    site.until_complete(&specs).await;

    let mut commands: Vec<_> =
        changing(&site).into_iter().filter(|line| line.starts_with("pct ")).collect();
    let all = commands.len();
    commands.sort_unstable();
    commands.dedup();
    assert_eq!(commands.len(), all, "{commands:#?}");
    assert_eq!(site.failures().await, NONE);
    site.remains().assert_tidy();
    site.inner.assert_log_is_whole().await;
}

fn clone(vmid: u64) -> GuestSpec {
    let spec = guest(vmid).of(900).storage("fast").disk(4).build();
    GuestSpec { nics: vec![nic(vmid)], ..spec }
}

#[tokio::test]
async fn twenty_clones_of_one_parent_meet_no_lock() {
    let site = fresh().await;
    let _worker = site.worker_with("a", &["--slots", "20", "--clones", "20"]);
    let mut specs = vec![parent()];
    specs.extend((0..20).map(|nth| clone(1000 + nth)));

    site.inner.submit(&specs).await;
    site.until_complete(&specs).await;

    assert_eq!(site.failures().await, NONE);
    assert_eq!(site.remains().volumes(), 21);
    site.remains().assert_tidy();
}

#[tokio::test]
async fn a_backup_is_waited_for_without_an_attempt_and_the_guest_goes_on_by_itself() {
    let site = fresh().await;
    let _worker = site.worker_with("a", &["--drift-every", "0", "--attempts", "2"]);
    site.inner.submit(&[parent()]).await;
    site.until_complete(&[parent()]).await;
    let config = site.pve.world.conf(900).unwrap().unwrap();
    site.pve.world.write_conf(900, &format!("lock: backup\n{config}")).unwrap();
    let mark = site.pve.mark();
    let more = GuestSpec { memory: MebiBytes(1024), ..parent() };

    site.inner.submit(std::slice::from_ref(&more)).await;
    // More often than it has attempts.
    let has_waited = |state: &Record| state.work.waits >= 3;
    let guest: GuestKey = lxc(900);
    let states = site
        .inner
        .until("it waited three times", |states| states.get(&guest).is_some_and(has_waited))
        .await;

    assert_eq!(states[&guest].work.attempts, 0);
    let told = site.ok(&["status", "900"]).await;
    assert!(told.out.contains("locked (backup)"), "{told:?}");
    assert_eq!(site.pve.commands(mark), NONE, "nothing is started in vain");
    site.pve.world.write_conf(900, &config).unwrap();
    site.until_complete(&[more]).await;
    assert_eq!(site.pve.commands(mark), ["pct set 900 --memory 1024"]);
    let history = site.inner.bus.history(guest).await.unwrap();
    assert!(history.iter().all(|(_, event)| event.fact.kind() != EventKind::Failed));
    assert!(site.inner.bus.dead_letters().await.unwrap().is_empty());
}

#[tokio::test]
async fn half_a_snapshot_of_somebody_else_is_not_taken_for_ours_whatever_was_noted_before() {
    let site = fresh().await;
    let how = What::KillStarter { when: When::After };
    site.pve.fault(Fault::new(how).of("pct", "snapshot").vmid(900));
    site.inner.submit(&[parent()]).await;
    site.worker().is_killed().await;
    let _worker = site.worker();
    site.until_complete(&[parent()]).await;
    let config = site.pve.world.conf(900).unwrap().unwrap();
    let half = format!("lock: snapshot\n{config}\n[theirs]\nsnapstate: prepare\nsnaptime: 1\n");
    site.pve.world.write_conf(900, &half).unwrap();
    let mark = site.pve.mark();

    site.inner.submit(&[GuestSpec { memory: MebiBytes(1024), ..parent() }]).await;
    let has_waited = |state: &Record| state.work.waits >= 1;
    site.inner.until("it waits", |states| states.get(&lxc(900)).is_some_and(has_waited)).await;

    assert_eq!(site.pve.commands(mark), NONE);
    assert_eq!(site.pve.world.value(900, "lock").unwrap().as_deref(), Some("snapshot"));
}
