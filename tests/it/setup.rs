//! `phoenix setup`, as a shell sees it: on a folder that is taken for the host.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::program::{Ended, phoenix};

/// A folder with the host's file and none of guests, which it has later, and one with as much of a
/// host as that asks for.
struct Host(TempDir);

impl Host {
    fn new(hypervisor: &str) -> Self {
        let host = Self(TempDir::new().unwrap());
        let files = [
            ("phoenix_hypervisor_config.json", hypervisor),
            ("root/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
            ("root/etc/group", "root:x:0:\n"),
            ("root/etc/hostname", "pve1\n"),
            ("root/etc/network/interfaces", "auto lo\niface lo inet loopback\n"),
            ("root/usr/share/zoneinfo/Europe/Berlin", ""),
        ];
        for (path, text) in files {
            let path = host.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        host
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join("root").join(path)
    }

    fn setup(&self, args: &[&str]) -> Ended {
        let root = self.at("").display().to_string();
        phoenix(self.0.path(), &[&["setup", "--root", &root], args].concat())
    }
}

const ZONE: &str = r#"{ "timezone": "Europe/Berlin", "network": { "hostname": "pve1" } }"#;

#[test]
fn a_plan_shows_everything_and_does_nothing() {
    let host = Host::new(ZONE);

    let plan = host.setup(&["--plan"]);

    insta::assert_snapshot!(plan.out);
    assert_eq!(plan.code, 0, "{}", plan.err);
    assert_eq!(host.setup(&["--plan", "--exit-code"]).code, 2);
    assert!(!host.at("etc/timezone").exists() && !host.at("var").exists());
}

#[test]
fn nothing_is_done_that_nobody_agreed_to() {
    let host = Host::new(ZONE);

    let asked = host.setup(&[]);

    assert_eq!(asked.code, 1, "{}", asked.out);
    assert!(asked.err.contains("nobody is there to be asked whether to make these changes"));
    assert!(!host.at("etc/timezone").exists());
}

#[test]
fn what_was_agreed_to_is_done_and_then_there_is_nothing_to_do() {
    let host = Host::new(ZONE);

    let done = host.setup(&["--yes"]);

    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert!(done.err.contains("time: write /etc/timezone\n"), "{}", done.err);
    assert_eq!(fs::read_to_string(host.at("etc/timezone")).unwrap(), "Europe/Berlin\n");
    let again = host.setup(&["--plan", "--exit-code"]);
    assert_eq!((again.code, again.out.ends_with("\nnothing to do\n")), (0, true), "{}", again.out);
    let checked = host.setup(&["--verify", "-o", "json"]);
    let checks: serde_json::Value = serde_json::from_str(&checked.out).unwrap();
    assert_eq!((checked.code, &checks["checks"][0]["ok"]), (0, &serde_json::Value::Bool(true)));
    fs::write(host.at("etc/timezone"), "UTC\n").unwrap();
    assert_eq!(host.setup(&["--verify"]).code, 2);
}

#[test]
fn one_item_that_is_refused_ends_with_one_and_the_others_are_done() {
    let host = Host::new(&ZONE.replace("pve1", "other"));

    let done = host.setup(&["--yes"]);

    assert_eq!(done.code, 1, "{}", done.out);
    let why = "network: NOT DONE: network.hostname: the host is called `pve1`";
    assert!(done.out.contains(why), "{}", done.out);
    assert!(host.at("etc/timezone").exists());
}

#[test]
fn a_disk_is_not_given_up_without_a_terminal_whatever_else_is_said() {
    let pool = r#"{ "zfs": { "pools": [{ "name": "tank", "raid_level": "single", "disks": ["/dev/disk/by-id/a"] }] } }"#;
    let host = Host::new(pool);

    let unknown = host.setup(&["--yes", "--wipe", "/dev/disk/by-id/other"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.err.contains("/dev/disk/by-id/other is a disk of no pool"), "{}", unknown.err);

    // This host has no `zpool`: nothing can be wiped there, and nobody is asked.
    let wiped = host.setup(&["--yes", "--wipe", "/dev/disk/by-id/a"]);
    assert_eq!(wiped.code, 1, "{}{}", wiped.out, wiped.err);
    assert!(
        wiped.err.contains("/dev/disk/by-id/a is a disk of no pool that is missing"),
        "{}",
        wiped.err
    );
}

#[test]
fn what_the_file_does_not_ask_for_is_not_there() {
    let host = Host::new(ZONE);

    let asked = host.setup(&["--plan", "--only", "samba"]);

    assert_eq!(asked.code, 5);
    assert!(asked.err.contains("there is time, network, sub-ids"), "{}", asked.err);
}
