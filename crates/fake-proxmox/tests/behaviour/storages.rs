//! What each kind of storage can and cannot, and how it names things.

use std::fs;

use serde_json::Value;

use crate::node::{ARCHIVE, Node, node, node_with, settings};

#[test]
fn every_kind_of_storage_has_names_of_its_own() {
    let node = node();
    for (vmid, storage) in [
        ("100", "labdir"),
        ("101", "tank"),
        ("102", "local-lvm"),
        ("103", "labbtr"),
        ("104", "thick"),
    ] {
        node.create(vmid, storage);
    }

    let mut volumes = node.volumes();
    volumes.sort();

    assert_eq!(
        volumes,
        [
            "labbtr:103/vm-103-disk-0.raw",
            "labdir:100/vm-100-disk-0.raw",
            "local-lvm:vm-102-disk-0",
            "tank:subvol-101-disk-0",
            "thick:vm-104-disk-0",
        ]
    );
}

fn template(node: &Node, vmid: &str, storage: &str) {
    node.create(vmid, storage);
    node.done(&["template", vmid]);
}

#[test]
fn a_template_and_its_linked_clone_are_named_as_the_storage_names_them() {
    let node = node();
    for (parent, child, storage, base, linked) in [
        (
            "900",
            "901",
            "tank",
            "tank:basevol-900-disk-0",
            "tank:basevol-900-disk-0/subvol-901-disk-0",
        ),
        ("910", "911", "local-lvm", "local-lvm:base-910-disk-0", "local-lvm:vm-911-disk-0"),
        ("920", "921", "labbtr", "labbtr:920/base-920-disk-0.raw", "labbtr:921/vm-921-disk-0.raw"),
    ] {
        template(&node, parent, storage);
        node.done(&["clone", parent, child]);

        let rootfs =
            |vmid: &str| node.world.value(vmid.parse().unwrap(), "rootfs").unwrap().unwrap();
        assert_eq!(rootfs(parent), format!("{base},size=1G"));
        assert_eq!(rootfs(child), format!("{linked},size=1G"));
    }
    template(&node, "930", "labdir");
    let refused = node.pct(&["clone", "930", "931"]);
    let words = "Linked clone feature for 'labdir:930/base-930-disk-0.raw' is not available\n";
    assert_eq!((refused.exit, refused.stderr.as_str()), (2, words));
    assert_eq!(node.conf(931), None);
    assert_eq!(node.world.value(930, "lock").unwrap(), None);
    node.done(&["clone", "930", "931", "--full", "1"]);
}

#[test]
fn who_is_stood_on_can_be_destroyed_only_where_storages_allow_it() {
    let node = node();
    for (parent, child, storage, is_refused) in [
        ("900", "901", "tank", true),
        ("910", "911", "local-lvm", false),
        ("920", "921", "labbtr", false),
    ] {
        template(&node, parent, storage);
        node.done(&["clone", parent, child]);

        let answer = node.pct(&["destroy", parent]);

        assert_eq!(answer.exit == 255, is_refused, "{storage}: {answer:?}");
        if is_refused {
            assert!(answer.stderr.ends_with("is still in use by linked clones\n"), "{answer:?}");
        }
    }
}

#[test]
fn a_snapshot_is_taken_only_where_it_can_be() {
    let node = node();
    for (vmid, storage, can) in [
        ("100", "labdir", false),
        ("101", "thick", false),
        ("102", "tank", true),
        ("103", "local-lvm", true),
        ("104", "labbtr", true),
    ] {
        node.create(vmid, storage);

        let answer = node.pct(&["snapshot", vmid, "before"]);

        assert_eq!(answer.exit == 0, can, "{storage}: {answer:?}");
        if !can {
            assert_eq!(answer.stderr, "snapshot feature is not available\n");
        }
    }
    fs::create_dir_all(node.world.at("/srv/x")).unwrap();
    node.done(&["set", "102", "--mp0", "/srv/x,mp=/x"]);
    assert_eq!(node.pct(&["snapshot", "102", "later"]).exit, 255, "a bind mount prevents it");
    let clone = node.pct(&["clone", "102", "202"]);
    assert_eq!(clone.stderr, "unable to clone mountpoint 'mp0' (type bind)\n");
}

#[test]
fn a_rollback_brings_the_files_back_and_zfs_only_the_last_ones() {
    let node = node();
    node.create("100", "tank");
    let root = node.world.volume("tank:subvol-100-disk-0").unwrap().unwrap();
    fs::write(root.join("x"), "one").unwrap();
    node.done(&["snapshot", "100", "first"]);
    fs::write(root.join("x"), "two").unwrap();
    node.done(&["snapshot", "100", "second"]);
    fs::write(root.join("x"), "three").unwrap();

    let refused = node.pct(&["rollback", "100", "first"]);
    node.done(&["rollback", "100", "second"]);

    let words = "can't rollback, 'first' is not most recent snapshot on 'tank:subvol-100-disk-0'\n";
    assert_eq!((refused.exit, refused.stderr.as_str()), (255, words));
    assert_eq!(fs::read_to_string(root.join("x")).unwrap(), "two");
}

#[test]
fn a_clone_inherits_what_it_inherits() {
    let node = node();
    node.done(&[
        "create",
        "900",
        ARCHIVE,
        "--rootfs=tank:1",
        "--hostname=parent",
        "--features=nesting=1",
        "--tags=a",
        "--description=words",
        "--net0=name=eth0,bridge=vmbr0,ip=10.77.0.9/24,hwaddr=BC:24:11:00:00:01",
    ]);
    let conf = node.conf(900).unwrap();
    node.world.write_conf(900, &format!("{conf}lxc.cap.drop: mac_admin\n")).unwrap();
    node.done(&["snapshot", "900", "s1"]);

    node.done(&["clone", "900", "901"]);

    let (parent, child) = (node.conf(900).unwrap(), node.conf(901).unwrap());
    for line in [
        "#words\n",
        "features: nesting=1\n",
        "hostname: parent\n",
        "tags: a\n",
        "lxc.cap.drop: mac_admin\n",
    ] {
        assert!(child.contains(line), "{line} in {child}");
    }
    assert!(child.contains("ip=10.77.0.9/24") && !child.contains("BC:24:11:00:00:01"), "{child}");
    assert!(parent.contains("[s1]") && !child.contains("[s1]"), "{child}");
    assert!(!child.contains("lock:") && !child.contains("parent:"), "{child}");
}

#[test]
fn a_full_storage_takes_nothing_and_nothing_is_left() {
    let mut settings = settings();
    for storage in &mut settings.storages {
        storage.gib = 2;
    }
    let node = node_with(&settings);
    for (storage, words) in [
        ("tank", "zfs error: cannot create 'tank/subvol-100-disk-0': out of space"),
        ("local-lvm", "free space in thin pool pve/data reached threshold."),
        ("thick", "has insufficient free space (512 extents): 768 required."),
    ] {
        let answer = node.pct(&["create", "100", ARCHIVE, &format!("--rootfs={storage}:3")]);

        assert_eq!(answer.exit, 255, "{storage}: {answer:?}");
        assert!(answer.stderr.contains(words), "{storage}: {answer:?}");
        assert_eq!(node.conf(100), None);
        assert_eq!(node.volumes(), Vec::<String>::new());
    }
}

#[test]
fn pvesm_and_pvesh_tell_of_the_same_volumes() {
    let node = node();
    node.create("100", "local-lvm");

    let list = node.run("pvesm", &["list", "local-lvm"]).stdout;
    let status = node.run("pvesm", &["status", "--storage", "local-lvm"]).stdout;
    let path = "/nodes/pve/storage/local-lvm/content";
    let content = node.run("pvesh", &["get", path, "--output-format", "json"]).stdout;

    assert!(list.contains("local-lvm:vm-100-disk-0 raw     rootdir   1073741824 100\n"), "{list}");
    assert!(status.contains("lvmthin     active       104857600         1048576"), "{status}");
    let content: Value = serde_json::from_str(&content).unwrap();
    assert_eq!(content[0]["volid"], "local-lvm:vm-100-disk-0");
    assert!(content[0]["ctime"].as_u64().unwrap() > 1_700_000_000);
}

#[test]
fn who_creates_twice_over_an_orphan_gets_the_next_number() {
    let node = node();
    assert_eq!(
        node.run(
            "pvesm",
            &["alloc", "tank", "100", "subvol-100-disk-0", "1G", "--format", "subvol"]
        )
        .exit,
        0
    );

    node.create("100", "tank");

    let rootfs = node.world.value(100, "rootfs").unwrap();
    assert_eq!(rootfs.as_deref(), Some("tank:subvol-100-disk-1,size=1G"));
}
