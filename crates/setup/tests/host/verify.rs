//! Each check of `phoenix setup --verify` passes where all is well, and fails when its subject breaks.

use std::collections::BTreeSet;
use std::fs;

use phoenix_config::NvidiaDriver;
use phoenix_setup::Given;

use crate::machine::{DISKS, Machine, all_right, everything, given};

/// Returns what is well of some items, or of all, and what is wrong.
fn wrong(machine: &Machine, items: &[String]) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut spec = everything(machine);
    spec.nvidia = Some(driver());
    let mut found = (BTreeSet::new(), BTreeSet::new());
    // The hash of the password is not needed for looking.
    let setup = machine.setup(&spec, &Given::default());
    let setup = if items.is_empty() { setup } else { setup.only(items) };
    for (item, checks) in setup.verify() {
        for check in checks {
            let what = format!("{item}: {}", check.what);
            if check.wrong.is_some() {
                found.1.insert(what)
            } else {
                found.0.insert(what)
            };
        }
    }
    found
}

fn driver() -> NvidiaDriver {
    NvidiaDriver { version: "580.76.05".to_owned(), url: "https://example.org/x.run".to_owned() }
}

/// Makes a host on which everything is well.
fn well() -> Machine {
    let machine = Machine::new();
    machine.write("/sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n");
    machine.write("/sys/bus/pci/devices/0000:01:00.0/class", "0x030000\n");
    machine.write("/sys/module/nvidia/version", "580.76.05\n");
    machine.write("/var/lib/doubles/nvidia", "580.76.05\n");
    let mut spec = everything(&machine);
    spec.nvidia = Some(driver());
    all_right(&machine.set_up(&spec, &given()));
    // What counts only once a kernel and services run.
    let exported = machine.inside(&["exportfs", "-r"]);
    assert!(exported.status.success(), "{exported:?}");
    let known = machine.inside(&["sh", "-c", "printf 'p\\np\\n' | smbpasswd -s -a phoenix_admin"]);
    assert!(known.status.success(), "{known:?}");
    machine.write("/sys/kernel/security/apparmor/profiles", "lxc-phoenix (enforce)\n");
    machine.write("/sys/class/net/vnet1/operstate", "up\n");
    machine.write("/sys/module/zfs/parameters/zfs_arc_max", "8589934592\n");
    for node in ["nvidiactl", "nvidia0", "nvidia-uvm"] {
        machine.write(&format!("/dev/{node}"), "");
    }
    machine
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of all that can break")]
fn each_check_fails_when_its_subject_is_broken() {
    let machine = well();
    let (all, wrong_at_first) = wrong(&machine, &[]);
    assert_eq!(wrong_at_first, BTreeSet::new());
    let degraded = format!("mirror {} {} DEGRADED\n", DISKS[0], DISKS[1]);
    let gone = None;
    // A file, what it says when something is broken, and what has to be found.
    let cases: &[(&str, Option<&str>, &[&str])] = &[
        (
            "/etc/apt/sources.list.d/phoenix-proxmox.sources",
            gone,
            &["repositories: is as configured"],
        ),
        ("/var/lib/dpkg/status", Some(""), &["packages: is as configured"]),
        ("/etc/timezone", Some("UTC\n"), &["time: is as configured"]),
        ("/etc/resolv.conf", gone, &["network: is as configured"]),
        (
            "/var/lib/doubles/network",
            Some("iface vmbr0 inet static\n\taddress 10.0.0.13/24\n"),
            &["network: vmbr100 has 172.16.100.1/24"],
        ),
        (
            "/var/lib/doubles/network",
            Some("iface vmbr0 inet static\n"),
            &["network: vmbr0 has 10.0.0.13/24", "network: the gateway 10.0.0.1 answers"],
        ),
        ("/etc/sysctl.d/90-phoenix.conf", gone, &["forwarding: is as configured"]),
        ("/var/lib/doubles/pools/tank", Some(&degraded), &["pools/tank: the pool tank is healthy"]),
        ("/var/lib/doubles/pools/tank", gone, &["pools/tank: is as configured"]),
        ("/sys/module/zfs/parameters/zfs_arc_max", Some("1\n"), &["arc: is as configured"]),
        ("/sys/module/zfs/parameters/zfs_arc_max", gone, &["arc: ZFS is loaded"]),
        (
            "/var/lib/doubles/zfs/tank%data",
            gone,
            &["datasets/tank: is as configured", "datasets/tank: tank/data is mounted"],
        ),
        (
            "/var/lib/doubles/zfs/tank%disks",
            Some("mounted\tno\nrecordsize\t16384\n"),
            &["datasets/tank: tank/disks is mounted"],
        ),
        (
            "/var/lib/doubles/zfs/tank%library",
            Some("mounted\tno\n"),
            &["datasets/tank: tank/library is mounted"],
        ),
        (
            "/etc/pve/storage.cfg",
            Some(""),
            &[
                "storages/tank: is as configured",
                "storages/tank: the storage tank-disks is active",
                "storages/tank: the storage tank-library is active",
            ],
        ),
        (
            "/sys/module/nvidia/version",
            Some("570.00\n"),
            &["nvidia: is as configured", "nvidia: the driver 580.76.05 answers"],
        ),
        ("/dev/nvidiactl", gone, &["gpu-nodes: /dev/nvidiactl is there"]),
        ("/dev/nvidia0", gone, &["gpu-nodes: /dev/nvidia0 is there"]),
        ("/dev/nvidia-uvm", gone, &["gpu-nodes: /dev/nvidia-uvm is there"]),
        ("/etc/systemd/system/phoenix-gpu-nodes.service", gone, &["gpu-nodes: is as configured"]),
        (
            "/etc/pve/firewall/cluster.fw",
            Some(""),
            &["firewall: is as configured", "firewall: the firewall is on"],
        ),
        (
            "/etc/pve/firewall/cluster.fw",
            Some("[OPTIONS]\nenable: 1\n\n[RULES]\nIN ACCEPT -p TCP -dport 22\n"),
            &["firewall: is as configured", "firewall: Proxmox reads every line of it"],
        ),
        (
            "/etc/passwd",
            Some("root:x:0:0:root:/root:/bin/bash\n"),
            &["users: is as configured", "users: phoenix_admin is a user"],
        ),
        (
            "/etc/sudoers.d/phoenix-phoenix_admin",
            gone,
            &["users: is as configured", "users: phoenix_admin may use sudo"],
        ),
        ("/etc/exports.d/phoenix.exports", gone, &["nfs: is as configured"]),
        ("/var/lib/nfs/etab", Some(""), &["nfs: /tank/data is exported"]),
        (
            "/var/lib/doubles/stopped",
            Some("nfs-server.service\n"),
            &["nfs: nfs-server.service runs"],
        ),
        ("/var/lib/doubles/stopped", Some("smbd.service\n"), &["samba: smbd.service runs"]),
        (
            "/etc/samba/smb.conf",
            Some("[global]\n"),
            &["samba: is as configured", "samba: data is shared"],
        ),
        ("/var/lib/samba/private/passdb.tdb", gone, &["samba: phoenix_admin can log in to Samba"]),
        ("/etc/subgid", gone, &["sub-ids: is as configured"]),
        ("/etc/apparmor.d/lxc-phoenix", gone, &["apparmor: is as configured"]),
        (
            "/sys/kernel/security/apparmor/profiles",
            Some("lxc-phoenix (complain)\n"),
            &["apparmor: the profile lxc-phoenix is enforced"],
        ),
        (
            "/etc/apparmor.d/tunables/home",
            Some("@{HOME}=/srv/*/\n"),
            &["apparmor: the tunables are as their package has them"],
        ),
        (
            "/etc/apparmor.d/tunables/global",
            gone,
            &["apparmor: the tunables are as their package has them"],
        ),
        (
            "/var/lib/doubles/zfs/tank%disks%vm-99999-disk-models",
            gone,
            &["volumes/tank: is as configured"],
        ),
        ("/var/lib/doubles/upgrades", Some("samba 1 2\n"), &["upgrade: is as configured"]),
        ("/var/lib/doubles/sdn/vnets%vnet1", gone, &["sdn: is as configured"]),
        ("/sys/class/net/vnet1/operstate", gone, &["sdn: the VNet vnet1 is there"]),
    ];
    let mut failed = BTreeSet::new();
    for (path, broken, expected) in cases {
        let before = fs::read(machine.at(path)).ok();
        match broken {
            Some(text) => machine.write(path, text),
            None => fs::remove_file(machine.at(path)).unwrap(),
        }

        let item = |what: &&str| what.split(':').next().unwrap().to_owned();
        let (_, found) = wrong(&machine, &expected.iter().map(item).collect::<Vec<_>>());

        for what in *expected {
            assert!(found.contains(*what), "{path} as {broken:?}: `{what}` is not in {found:?}");
        }
        failed.extend(found);
        match before {
            Some(bytes) => fs::write(machine.at(path), bytes).unwrap(),
            None => fs::remove_file(machine.at(path)).unwrap(),
        }
    }
    let never: Vec<_> = all.difference(&failed).collect();
    assert!(never.is_empty(), "nothing makes these fail: {never:?}");
}
