//! An upgrade is told package by package, made by apt itself, and waits for a reboot where it has to.

use std::fs;

use phoenix_config::HostSpec;
use phoenix_setup::{Ended, Given, Impact, Look};

use crate::machine::{Machine, all_right};

const KERNEL: &str = "6.8.12-10-pve";

fn spec() -> HostSpec {
    HostSpec { upgrade: true, ..HostSpec::default() }
}

/// Makes a host whose apt knows one repository, and nothing of Debian.
fn machine() -> Machine {
    let machine = Machine::new();
    for path in ["/etc/apt/sources.list.d", "/var/lib/apt/lists", "/etc/apt/preferences.d"] {
        drop(fs::remove_dir_all(machine.at(path)));
    }
    machine.write("/etc/apt/sources.list", "deb [trusted=yes] file:/srv/repo ./\n");
    machine.write("/var/lib/apt/lists/partial/.keep", "");
    machine.write("/var/lib/doubles/repository", "");
    machine.write("/srv/repo/Packages", "");
    machine
}

/// Puts a package into the repository.
fn publish(machine: &Machine, name: &str, version: &str, more: &str, file: &str) {
    let at = |path: &str| format!("/srv/build/{name}-{version}{path}");
    let control = format!(
        "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: x <x@example.org>\n{more}Description: x\n"
    );
    machine.write(&at("/DEBIAN/control"), &control);
    machine.write(&at(file), "x\n");
    let deb = format!("{name}_{version}.deb");
    let script = format!(
        "dpkg-deb --build {} /srv/repo/{deb} && cd /srv/repo && {{ dpkg-deb --field {deb}; echo Filename: ./{deb}; echo Size: $(stat -c %s {deb}); echo SHA256: $(sha256sum {deb} | cut -d' ' -f1); echo; }} >> Packages",
        at("")
    );
    run(machine, &script);
}

fn run(machine: &Machine, script: &str) {
    let done = machine.inside(&["sh", "-c", script]);
    assert!(
        done.status.success(),
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
}

fn look(machine: &Machine) -> Look {
    let mut seen = machine.setup(&spec(), &Given::default()).plan();
    seen.remove(0).look.unwrap()
}

#[test]
fn nothing_is_upgraded_that_nobody_asked_for() {
    let machine = machine();

    all_right(&machine.set_up(&HostSpec::default(), &Given::default()));

    assert!(!machine.calls().iter().any(|call| call.starts_with("apt-get")));
}

#[test]
fn an_upgrade_is_told_and_made_and_a_kernel_waits_for_a_reboot() {
    let machine = machine();
    publish(&machine, "proxmox-kernel-6.8", "1", "", "/usr/share/x/kernel");
    publish(&machine, "lib", "1.0", "", "/etc/lib.conf");
    run(
        &machine,
        "/usr/bin/apt-get -q update && /usr/bin/apt-get -q -y install proxmox-kernel-6.8 lib",
    );
    let signed = format!("proxmox-kernel-{KERNEL}-signed");
    publish(
        &machine,
        "proxmox-kernel-6.8",
        "2",
        &format!("Depends: {signed}\n"),
        "/usr/share/x/kernel",
    );
    publish(&machine, &signed, "6.8.12-10", "", &format!("/boot/vmlinuz-{KERNEL}"));
    publish(&machine, "lib", "1.1", "", "/etc/lib.conf");
    run(&machine, "/usr/bin/apt-get -q update");

    let planned = look(&machine);

    assert_eq!(planned.changes.len(), 1);
    assert_eq!(planned.changes[0].impact, Impact::Restarts);
    let mut detail = planned.changes[0].detail.clone();
    detail.sort();
    assert_eq!(
        detail,
        [
            "lib 1.0 -> 1.1".to_owned(),
            "proxmox-kernel-6.8 1 -> 2".to_owned(),
            format!("{signed} 6.8.12-10 is new")
        ]
    );
    assert!(planned.remarks[0].contains("waits for a reboot"), "{planned:?}");
    assert!(!machine.at(&format!("/boot/vmlinuz-{KERNEL}")).exists(), "looking changes nothing");

    let ended = machine.set_up(&spec(), &Given::default());

    let (_, end) = &ended[0];
    let Ended::Reboot { changed: 1, why } = end else { panic!("{end:?}") };
    assert_eq!(why, "the kernel 6.8.12-9-pve runs, and 6.8.12-10-pve is installed");
    assert_eq!(look(&machine).changes, []);

    // Somebody has chosen the old one.
    machine.write("/etc/kernel/proxmox-boot-pin", "6.8.12-9-pve\n");
    all_right(&machine.set_up(&spec(), &Given::default()));
    machine.write("/etc/kernel/proxmox-boot-pin", "");
    // The reboot.
    fs::remove_file(machine.at("/usr/local/sbin/uname")).unwrap();
    machine.write("/usr/local/sbin/uname", &format!("#!/bin/sh\necho {KERNEL}\n"));
    run(&machine, "chmod 755 /usr/local/sbin/uname");
    all_right(&machine.set_up(&spec(), &Given::default()));
}

#[test]
fn an_upgrade_without_a_kernel_waits_for_nothing() {
    let machine = machine();
    publish(&machine, "lib", "1.0", "", "/usr/share/x/lib");
    run(&machine, "/usr/bin/apt-get -q update && /usr/bin/apt-get -q -y install lib");
    publish(&machine, "lib", "1.1", "", "/usr/share/x/lib");
    run(&machine, "/usr/bin/apt-get -q update");

    let ended = machine.set_up(&spec(), &Given::default());

    assert!(matches!(ended[0].1, Ended::Changed(1)), "{ended:?}");
    run(&machine, "test \"$(dpkg-query -W -f '${Version}' lib)\" = 1.1");
}

#[test]
fn an_upgrade_that_would_remove_proxmox_is_refused() {
    let machine = machine();
    publish(&machine, "proxmox-ve", "8", "", "/usr/share/x/ve");
    publish(&machine, "lib", "1.0", "", "/usr/share/x/lib");
    run(&machine, "/usr/bin/apt-get -q update && /usr/bin/apt-get -q -y install proxmox-ve lib");
    publish(
        &machine,
        "lib",
        "1.1",
        "Breaks: proxmox-ve\nConflicts: proxmox-ve\n",
        "/usr/share/x/lib",
    );
    publish(&machine, "needs-lib", "2", "Depends: lib (>= 1.1)\n", "/usr/share/x/needs");
    run(&machine, "/usr/bin/apt-get -q update");
    // apt would rather keep `lib` as it is; a new version of what needs it decides.
    machine.write("/etc/apt/preferences.d/x", "Package: lib\nPin: version 1.1\nPin-Priority: 1001\n\nPackage: proxmox-ve\nPin: release *\nPin-Priority: -1\n");

    let ended = machine.set_up(&spec(), &Given::default());

    let Ended::Blocked(why) = &ended[0].1 else { panic!("{ended:?}") };
    assert!(why.to_string().contains("it would remove Proxmox itself"), "{why}");
    run(&machine, "dpkg-query -W proxmox-ve");
}

#[test]
fn a_driver_that_was_exchanged_below_the_kernel_waits_for_a_reboot() {
    let machine = machine();
    machine.write("/sys/module/zfs/version", "2.2.6-1\n");
    machine.write("/var/lib/doubles/zfs-driver", "2.2.7-1\n");

    let ended = machine.set_up(&spec(), &Given::default());

    let Ended::Reboot { why, .. } = &ended[0].1 else { panic!("{ended:?}") };
    assert_eq!(why, "the kernel runs the driver zfs 2.2.6-1, and 2.2.7-1 is installed");
}
