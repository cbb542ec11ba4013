//! How the programs are found and what makes and shows a node.

use std::fs;
use std::process::Command;

use phoenix_fake_proxmox::{VARIABLE, administer};
use tempfile::TempDir;

use crate::node::{ARCHIVE, Answer, node};

#[test]
fn a_program_is_found_by_its_path_or_by_the_variable() {
    let node = node();
    let by_variable = |variable: &str| -> Answer {
        let folder = node.world.root().join("usr/sbin");
        Command::new("pct")
            .arg("list")
            .env("PATH", folder)
            .env(VARIABLE, variable)
            .output()
            .unwrap()
            .into()
    };

    assert_eq!(by_variable(node.world.root().to_str().unwrap()).exit, 0);
    let lost = by_variable("/nowhere");
    assert_eq!(lost.exit, 70);
    assert!(lost.stderr.contains("this is a test double"), "{lost:?}");
    assert_eq!(node.pct(&["list"]).exit, 0);
}

#[test]
fn what_the_double_cannot_do_it_refuses_with_a_code_of_its_own() {
    let node = node();
    assert_eq!(node.pct(&["migrate", "100", "other"]).exit, 70);
    assert_eq!(node.run("qm", &["rollback", "100", "s"]).exit, 70);
    assert_eq!(node.run("pvesh", &["create", "/nodes/pve/lxc"]).exit, 70);
}

#[test]
fn a_node_is_made_and_shown_from_the_command_line() {
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("node");
    let dir = dir.to_str().unwrap();
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_fake-pve"));
    let told = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        administer(&words, binary)
    };

    told(&["init", dir, "--storage", "tank:zfspool:500", "--node", "pve2", "--natural"]).unwrap();
    told(&["fault", dir, "lie", "--program", "pct", "--times", "2"]).unwrap();

    assert_eq!(told(&["show", dir]).unwrap(), "");
    let other = folder.path().join("other");
    let other = other.to_str().unwrap();
    let refused = told(&["init", other, "--storage", "tank:floppy:1"]).unwrap_err();
    assert!(refused.contains("no kind 'floppy'"), "{refused}");
    let refused = told(&["init", dir]).unwrap_err();
    assert!(refused.contains("is not empty"), "a node is not poured over another: {refused}");
    assert!(told(&["init", "--help"]).unwrap_err().starts_with("usage"));
    assert!(told(&["fault", dir, "bad-luck"]).unwrap_err().contains("no fault 'bad-luck'"));
    assert!(told(&[]).is_err());
    let config = fs::read_to_string(folder.path().join("node/etc/pve/storage.cfg")).unwrap();
    assert!(config.contains("zfspool: tank\n\tpool tank\n"), "{config}");
    assert!(folder.path().join("node/etc/pve/lxc").is_dir());
}

#[test]
fn an_archive_is_downloaded_when_the_mirror_has_it() {
    let node = node();
    let missing = node.run("pveam", &["download", "local", "debian-13.tar.zst"]);
    fs::write(node.world.at("/fake/mirror/debian-13.tar.zst"), "archive").unwrap();

    let there = node.run("pveam", &["download", "local", "debian-13.tar.zst"]);

    assert_eq!(missing.exit, 255, "{missing:?}");
    assert!(missing.stdout.contains("unable to resolve host address"), "{missing:?}");
    assert_eq!(there.exit, 0, "{there:?}");
    let list = node.run("pveam", &["list", "local"]).stdout;
    assert!(list.contains("local:vztmpl/debian-13.tar.zst"), "{list}");
    assert!(node.run("pveam", &["available"]).stdout.contains("system          debian-13.tar.zst"));
}

#[test]
fn the_list_of_guests_knows_what_somebody_else_wrote() {
    let node = node();
    node.create("100", "labdir");
    let other = node.world.at("/etc/pve/nodes/other/lxc");
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join("101.conf"), "arch: amd64\n").unwrap();

    let taken = node.pct(&["create", "101", ARCHIVE, "--rootfs", "labdir:1"]);

    assert_eq!(taken.stderr, "CT 101 already exists on node 'other'\n");
    let list = fs::read_to_string(node.world.at("/etc/pve/.vmlist")).unwrap();
    assert!(list.contains(r#""101": { "node": "other", "type": "lxc""#), "{list}");
    assert!(!node.pct(&["list"]).stdout.contains("101"), "it is on another node");
}

#[test]
fn a_program_starts_at_once() {
    let node = node();
    let began = std::time::Instant::now();

    for _ in 0..20 {
        node.pct(&["list"]);
    }

    // Two milliseconds each on an idle machine; this one may be busy.
    assert!(began.elapsed().as_millis() < 20 * 50, "{:?}", began.elapsed());
}
