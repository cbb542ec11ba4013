//! What is left when `pct create` is killed in the middle, and how one gets out of it.

use std::fs;

use phoenix_fake_proxmox::{Fault, What, When, add_fault};
use rustix::process::Signal;

use crate::node::{ARCHIVE, Node, end, node, node_with, settings, signal, until};

const CREATE: [&str; 6] = ["create", "120", ARCHIVE, "--hostname", "crash", "--rootfs=labdir:1"];

/// A node on which unpacking takes long enough to be interrupted.
fn slow() -> Node {
    let mut settings = settings();
    settings.latency.insert("unpack".into(), 60_000);
    node_with(&settings)
}

/// Returns the worker of a container that is being made.
fn worker(node: &Node) -> Option<u32> {
    node.processes().into_iter().map(|pid| u32::try_from(pid).unwrap()).find(|pid| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).into_owned();
        words.starts_with("task UPID:pve:") && words.contains(":vzcreate:120:root@pam:")
    })
}

/// Waits until the volume is there and the archive is to be unpacked.
fn until_unpacking(node: &Node) {
    until("the root file system is mounted", || node.world.stale_mounts().len() == 1);
    until("the worker bears its name", || worker(node).is_some());
}

fn check_half_made(node: &Node) {
    assert_eq!(node.conf(120).as_deref(), Some("lock: create\n"));
    assert_eq!(node.volumes(), ["labdir:120/vm-120-disk-0.raw"]);
    assert_eq!(node.world.stale_mounts(), ["/var/lib/lxc/120/rootfs"]);
    assert_eq!(node.pct(&["status", "120"]).stdout, "status: stopped\n");
    assert_eq!(node.pct(&["config", "120"]).stdout, "lock: create\n");
    assert!(node.pct(&["list"]).stdout.contains("120        stopped    create       CT120"));
    let again = node.pct(&CREATE);
    assert_eq!((again.exit, again.stderr.as_str()), (255, "CT 120 already exists on node 'pve'\n"));
    for words in [&["start", "120"][..], &["set", "120", "--memory", "600"], &["destroy", "120"]] {
        let refused = node.pct(words);
        assert_eq!((refused.exit, refused.stderr.as_str()), (255, "CT is locked (create)\n"));
    }
}

#[test]
fn a_create_that_is_asked_to_end_leaves_nothing() {
    for (name, ending) in [("TERM", Signal::TERM), ("INT", Signal::INT)] {
        let node = slow();
        let child = node.spawn(&CREATE);
        until_unpacking(&node);

        signal(child.id(), ending);
        let answer = end(child);

        assert_eq!(answer.exit, 255, "{name}: {answer:?}");
        assert!(answer.stderr.starts_with("unable to create CT 120 - "), "{answer:?}");
        assert!(answer.stderr.ends_with("received interrupt\n"), "{answer:?}");
        assert_eq!(node.conf(120), None);
        assert_eq!(node.volumes(), Vec::<String>::new());
        assert_eq!(node.world.stale_mounts(), Vec::<String>::new());
        assert_eq!(node.processes(), Vec::<i32>::new());
    }
}

#[test]
fn a_create_whose_program_and_worker_are_killed_leaves_the_lock_the_volume_and_the_mount() {
    let node = slow();
    let mut child = node.spawn(&CREATE);
    until_unpacking(&node);

    signal(child.id(), Signal::KILL);
    signal(worker(&node).unwrap(), Signal::KILL);
    child.wait().unwrap();

    until("nobody works on it", || node.processes().is_empty());
    check_half_made(&node);
}

#[test]
fn a_worker_whose_program_was_killed_goes_on_until_it_has_something_to_say() {
    let mut settings = settings();
    settings.latency.insert("unpack".into(), 400);
    let node = node_with(&settings);
    let mut child = node.spawn(&CREATE);
    until_unpacking(&node);
    let worker = worker(&node).unwrap();
    let stat = fs::read_to_string(format!("/proc/{worker}/stat")).unwrap();
    let ids: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let own = worker.to_string();
    assert_eq!((ids[2], ids[3]), (own.as_str(), own.as_str()), "its own group and session");

    signal(child.id(), Signal::KILL);
    child.wait().unwrap();

    assert!(fs::exists(format!("/proc/{worker}")).unwrap(), "it lives in a session of its own");
    until("the closed pipe killed the worker", || node.processes().is_empty());
    check_half_made(&node);
}

#[test]
fn who_destroys_after_an_unlock_leaves_the_volume_and_the_mount() {
    let node = node();
    let fault = Fault::new(What::KillSelf { when: When::During }).of("pct", "create");
    add_fault(node.world.root(), fault).unwrap();
    node.pct(&CREATE);
    check_half_made(&node);

    node.done(&["unlock", "120"]);
    node.done(&["destroy", "120"]);

    assert_eq!(node.conf(120), None);
    assert_eq!(node.volumes(), ["labdir:120/vm-120-disk-0.raw"]);
    assert_eq!(node.world.stale_mounts(), ["/var/lib/lxc/120/rootfs"]);
}

#[test]
fn who_follows_the_order_gets_rid_of_everything() {
    let node = node();
    let fault = Fault::new(What::KillSelf { when: When::During }).of("pct", "create");
    add_fault(node.world.root(), fault).unwrap();
    node.pct(&CREATE);

    node.done(&["unlock", "120"]);
    assert_eq!(node.run("umount", &["-R", "/var/lib/lxc/120/rootfs"]).exit, 0);
    node.done(&["destroy", "120", "--destroy-unreferenced-disks", "1", "--purge", "1"]);

    assert_eq!(node.volumes(), Vec::<String>::new());
    assert_eq!(node.world.stale_mounts(), Vec::<String>::new());
    node.done(&CREATE);
}

#[test]
fn an_unlock_waits_for_a_create_that_lives() {
    let mut settings = settings();
    settings.latency.insert("unpack".into(), 60_000);
    settings.lock_wait_ms = 50;
    let node = node_with(&settings);
    let child = node.spawn(&CREATE);
    until_unpacking(&node);

    let refused = node.pct(&["unlock", "120"]);

    assert_eq!(refused.exit, 4, "{refused:?}");
    assert!(refused.stderr.ends_with("pve-config-120.lock' - got timeout\n"), "{refused:?}");
    signal(child.id(), Signal::TERM);
    end(child);
}

#[test]
fn half_a_create_has_half_a_root_file_system() {
    let node = node();
    node.create("119", "labdir");
    add_fault(node.world.root(), Fault::new(What::Half).of("pct", "create").vmid(120)).unwrap();

    let answer = node.pct(&CREATE);

    assert_eq!(answer.exit, -1, "it was killed: {answer:?}");
    let count = |id: &str| {
        let folder = node.world.volume(id).unwrap().unwrap().join("bin");
        fs::read_dir(folder).map_or(0, Iterator::count)
    };
    let (whole, half) =
        (count("labdir:119/vm-119-disk-0.raw"), count("labdir:120/vm-120-disk-0.raw"));
    assert!(half > 0 && half < whole, "{half} of {whole}");
    node.done(&["destroy", "119"]);
    check_half_made(&node);
}

#[test]
fn a_clone_that_is_killed_leaves_both_locks() {
    let node = node();
    node.create("110", "labbtr");
    let fault = Fault::new(What::KillSelf { when: When::During }).of("pct", "clone");
    add_fault(node.world.root(), fault).unwrap();

    let answer = node.pct(&["clone", "110", "111", "--hostname", "c1"]);

    assert_eq!(answer.exit, -1, "{answer:?}");
    assert_eq!(node.world.value(110, "lock").unwrap().as_deref(), Some("disk"));
    assert_eq!(node.world.value(111, "lock").unwrap().as_deref(), Some("create"));
    assert_eq!(node.world.value(111, "hostname").unwrap().as_deref(), Some("c1"));
    assert_eq!(node.world.value(111, "rootfs").unwrap(), None);
    assert_eq!(node.volumes().len(), 2);
}

#[test]
fn a_clone_that_is_asked_to_end_cleans_up() {
    let mut settings = settings();
    settings.latency.insert("full-clone".into(), 60_000);
    let node = node_with(&settings);
    node.create("110", "labdir");
    let child = node.spawn(&["clone", "110", "111"]);
    until("the copy has a volume", || node.volumes().len() == 2);

    signal(child.id(), Signal::TERM);
    let answer = end(child);

    assert_eq!(answer.exit, 255);
    assert!(answer.stderr.starts_with("clone failed: "), "{answer:?}");
    assert!(answer.stderr.contains("interrupted by signal"), "{answer:?}");
    assert_eq!(node.conf(111), None);
    assert_eq!(node.world.value(110, "lock").unwrap(), None);
    assert_eq!(node.volumes(), ["labdir:110/vm-110-disk-0.raw"]);
}
