//! Who waits for whom, and who is refused.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use phoenix_fake_proxmox::{Fault, What, add_fault};
use rustix::fs::{FlockOperation, flock};

use crate::node::{ARCHIVE, Node, end, node, node_with, settings, signal, until};

/// Holds the lock of a container, as a program that works on it does.
fn hold(node: &Node, vmid: u32) -> File {
    let path = node.world.at(&format!("/run/lock/lxc/pve-config-{vmid}.lock"));
    let file = File::options().create(true).append(true).open(path).unwrap();
    flock(&file, FlockOperation::LockExclusive).unwrap();
    file
}

#[test]
fn a_change_waits_for_the_lock_and_goes_on_when_it_is_free() {
    let node = node();
    node.create("100", "labdir");
    let lock = hold(&node, 100);
    let mut child = node.spawn(&["set", "100", "--memory", "600"]);
    let mut said = [0; 26];
    child.stderr.as_mut().unwrap().read_exact(&mut said).unwrap();
    assert_eq!(&said, b"trying to acquire lock...\n");

    drop(lock);
    let answer = end(child);

    assert_eq!((answer.exit, answer.stderr.as_str()), (0, " OK\n"));
    assert_eq!(node.world.value(100, "memory").unwrap().as_deref(), Some("600"));
}

#[test]
fn nobody_waits_longer_than_is_set() {
    let mut settings = settings();
    settings.lock_wait_ms = 30;
    let node = node_with(&settings);
    node.create("100", "labdir");
    let _lock = hold(&node, 100);

    let set = node.pct(&["set", "100", "--memory", "600"]);
    let start = node.pct(&["start", "100"]);
    let push = node.pct(&["status", "100"]);

    let words = "can't lock file '/run/lock/lxc/pve-config-100.lock' - got timeout\n";
    assert_eq!((set.exit, set.stdout.as_str()), (4, ""));
    assert_eq!(set.stderr, format!("trying to acquire lock...\n{words}"));
    assert_eq!((start.exit, start.stdout.as_str()), (255, "trying to acquire lock...\n"));
    assert_eq!(start.stderr, words);
    assert_eq!(push.exit, 0, "who only looks does not wait");
}

#[test]
fn two_who_make_the_same_container_do_not_both_succeed() {
    let node = node();
    let words = ["create", "130", ARCHIVE, "--rootfs", "labdir:1"];

    let children: Vec<_> = (0..4).map(|_| node.spawn(&words)).collect();
    let answers: Vec<_> = children.into_iter().map(end).collect();

    assert_eq!(answers.iter().filter(|answer| answer.exit == 0).count(), 1, "{answers:?}");
    for loser in answers.iter().filter(|answer| answer.exit != 0) {
        assert_eq!(loser.exit, 255);
        assert!(loser.stderr.ends_with("CT 130 already exists on node 'pve'\n"), "{loser:?}");
    }
    assert_eq!(node.volumes().len(), 1);
}

#[test]
fn many_containers_are_made_at_once() {
    let node = node();
    let vmids: Vec<String> = (200..206).map(|vmid| vmid.to_string()).collect();

    let children: Vec<_> = vmids
        .iter()
        .map(|vmid| node.spawn(&["create", vmid, ARCHIVE, "--rootfs", "local-lvm:1"]))
        .collect();

    for child in children {
        let answer = end(child);
        assert_eq!(answer.exit, 0, "{answer:?}");
    }
    assert_eq!(node.volumes().len(), 6);
}

#[test]
fn two_clones_of_one_parent_get_into_each_others_way() {
    let mut settings = settings();
    settings.latency.insert("linked-clone".into(), 60_000);
    let node = node_with(&settings);
    node.create("900", "tank");
    node.done(&["template", "900"]);
    let first = node.spawn(&["clone", "900", "901"]);
    // Before it has a worker, a signal would end the first without any cleaning up.
    until("the worker of the first has made a volume", || node.volumes().len() == 2);

    let second = node.pct(&["clone", "900", "902"]);

    assert_eq!((second.exit, second.stderr.as_str()), (255, "CT is locked (disk)\n"));
    assert_eq!(node.conf(902), None);
    signal(first.id(), rustix::process::Signal::TERM);
    end(first);
    assert_eq!(node.world.value(900, "lock").unwrap(), None);
}

#[test]
fn a_foreign_lock_comes_and_goes() {
    let node = node();
    node.create("100", "labdir");
    let lock = What::ForeignLock { lock: "backup".into(), ms: 50 };
    add_fault(node.world.root(), Fault::new(lock).of("pct", "start").vmid(100)).unwrap();

    let refused = node.pct(&["start", "100"]);

    assert_eq!((refused.exit, refused.stderr.as_str()), (255, "CT is locked (backup)\n"));
    until("it is gone", || node.world.value(100, "lock").unwrap().is_none());
    node.done(&["start", "100"]);
    node.done(&["stop", "100"]);
}

#[test]
fn the_lock_of_the_configuration_stops_what_it_stops_there() {
    let node = node();
    node.create("100", "labdir");
    let conf = node.conf(100).unwrap();
    node.world.write_conf(100, &format!("lock: backup\n{conf}")).unwrap();

    for words in [
        &["start", "100"][..],
        &["set", "100", "--memory", "500"],
        &["snapshot", "100", "s1"],
        &["clone", "100", "101"],
        &["template", "100"],
        &["resize", "100", "rootfs", "2G"],
        &["destroy", "100"],
        &["destroy", "100", "--force", "1"],
    ] {
        let refused = node.pct(words);
        assert_eq!(
            (refused.exit, refused.stderr.as_str()),
            (255, "CT is locked (backup)\n"),
            "{words:?}"
        );
    }
    node.done(&["start", "100", "--skiplock", "1"]);
    node.done(&["exec", "100", "--", "true"]);
    assert_eq!(node.pct(&["stop", "100"]).exit, 255);
    node.done(&["stop", "100", "--skiplock", "1"]);
    node.done(&["unlock", "100"]);
    assert_eq!(node.pct(&["unlock", "100"]).exit, 255);
    assert!(Path::new(&node.world.at("/run/lock/lxc/pve-config-100.lock")).exists());
}
