//! What somebody changed by hand is put back, as one change.

use crate::machine::{Machine, all_right, everything, given};

#[test]
fn what_was_changed_by_hand_is_put_back_as_one_change() {
    let machine = Machine::new();
    let spec = everything(&machine);
    all_right(&machine.set_up(&spec, &given()));
    let cases: &[(&str, &str, &str, &str)] = &[
        ("/etc/timezone", "Europe/Berlin", "America/New_York", "time: change /etc/timezone"),
        (
            "/etc/network/interfaces",
            "10.0.0.13/24",
            "10.0.0.99/24",
            "network: change /etc/network/interfaces",
        ),
        ("/etc/resolv.conf", "10.0.0.1", "192.0.2.9", "network: change /etc/resolv.conf"),
        (
            "/etc/sysctl.d/90-phoenix.conf",
            "1",
            "0",
            "forwarding: change /etc/sysctl.d/90-phoenix.conf",
        ),
        (
            "/etc/modprobe.d/zfs.conf",
            "zfs_arc_max=8589934592",
            "zfs_arc_max=1",
            "arc: change /etc/modprobe.d/zfs.conf",
        ),
        (
            "/var/lib/doubles/zfs/tank%data",
            "quota\t536870912000",
            "quota\t0",
            "datasets/tank: run zfs set quota=500G tank/data",
        ),
        (
            "/var/lib/doubles/zfs/tank%data",
            "mounted\tyes",
            "mounted\tno",
            "datasets/tank: run zfs mount tank/data",
        ),
        (
            "/etc/pve/storage.cfg",
            "content vztmpl,iso",
            "content iso",
            "storages/tank: run pvesm set tank-library --content vztmpl,iso",
        ),
        (
            "/var/lib/doubles/zfs/tank%disks%vm-99999-disk-models",
            "volsize\t53687091200",
            "volsize\t1073741824",
            "volumes/tank: run zfs set volsize=53687091200 tank/disks/vm-99999-disk-models",
        ),
        (
            "/etc/pve/firewall/cluster.fw",
            "policy_in: DROP",
            "policy_in: ACCEPT",
            "firewall: change /etc/pve/firewall/cluster.fw",
        ),
        (
            "/etc/pve/firewall/cluster.fw",
            "-dport 2049",
            "-dport 2050",
            "firewall: change /etc/pve/firewall/cluster.fw",
        ),
        (
            "/etc/sudoers.d/phoenix-phoenix_admin",
            "ALL=(ALL:ALL) ALL",
            "ALL=(ALL:ALL) /bin/true",
            "users: change /etc/sudoers.d/phoenix-phoenix_admin",
        ),
        ("/etc/shadow", "canary0", "other0", "users: run chpasswd -e < (a secret)"),
        (
            "/var/lib/doubles/pve-acls",
            "phoenix_admin@pam\n",
            "",
            "users: run pveum acl modify / --users phoenix_admin@pam --roles Administrator",
        ),
        (
            "/etc/exports.d/phoenix.exports",
            "10.1.0.7",
            "*",
            "nfs: change /etc/exports.d/phoenix.exports",
        ),
        (
            "/etc/samba/smb.conf",
            "valid users = phoenix_admin",
            "guest ok = yes",
            "samba: change /etc/samba/smb.conf",
        ),
        ("/etc/subuid", "root:100000:65536\n", "", "sub-ids: change /etc/subuid"),
        (
            "/etc/apparmor.d/lxc-phoenix",
            "deny /etc/shadow r,",
            "/** rw,",
            "apparmor: change /etc/apparmor.d/lxc-phoenix",
        ),
        (
            "/etc/apt/sources.list.d/phoenix-proxmox.sources",
            "bookworm",
            "trixie",
            "repositories: change /etc/apt/sources.list.d/phoenix-proxmox.sources",
        ),
    ];
    for (path, old, new, change) in cases {
        let before = machine.read(path);
        machine.replace(path, old, new);

        let changes = machine.changes(&spec, &given());

        assert_eq!(changes, [*change], "after {path}: {old} -> {new}");
        let plainly = |text: &str| {
            let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(plainly(&machine.read(path)), plainly(&before), "{path}");
    }
}

#[test]
fn a_property_of_an_own_network_is_put_back_and_applied() {
    let machine = Machine::new();
    let spec = everything(&machine);
    all_right(&machine.set_up(&spec, &given()));
    machine.replace(
        "/var/lib/doubles/sdn/subnets%vnet1%phoenix-10.20.0.0-24",
        "snat\t1",
        "snat\t0",
    );

    let changes = machine.changes(&spec, &given());

    assert_eq!(
        changes,
        [
            "sdn: run pvesh set /cluster/sdn/vnets/vnet1/subnets/phoenix-10.20.0.0-24 --snat 1",
            "sdn: run pvesh set /cluster/sdn",
        ]
    );
}

#[test]
fn modes_and_owners_are_put_back() {
    let machine = Machine::new();
    let spec = everything(&machine);
    all_right(&machine.set_up(&spec, &given()));
    machine.inside(&["chmod", "777", "/etc/sudoers.d/phoenix-phoenix_admin"]);
    machine.inside(&["chown", "root:root", "/tank/data"]);

    let changes = machine.changes(&spec, &given());

    assert_eq!(
        changes,
        [
            "users: set mode and owner of /etc/sudoers.d/phoenix-phoenix_admin",
            "samba: folder /tank/data, mode 770, of phoenix_admin:phoenix_admin",
        ]
    );
}

#[test]
fn what_others_wrote_stays() {
    let machine = Machine::new();
    let spec = everything(&machine);
    machine.write(
        "/etc/pve/firewall/cluster.fw",
        "[OPTIONS]\nebtables: 1\n\n[RULES]\nIN ACCEPT -p udp -dport 53 # theirs\n",
    );
    machine.write("/etc/modprobe.d/zfs.conf", "options zfs zfs_txg_timeout=5\n");
    machine.write("/etc/subuid", "heads:200000:65536\n");
    let samba = machine.read("/etc/samba/smb.conf");

    all_right(&machine.set_up(&spec, &given()));

    assert!(machine.read("/etc/samba/smb.conf").starts_with(&samba));
    let firewall = machine.read("/etc/pve/firewall/cluster.fw");
    assert!(
        firewall.contains("ebtables: 1\n")
            && firewall.contains("IN ACCEPT -p udp -dport 53 # theirs\n"),
        "{firewall}"
    );
    assert!(
        machine.read("/etc/modprobe.d/zfs.conf").starts_with("options zfs zfs_txg_timeout=5\n")
    );
    assert!(machine.read("/etc/subuid").starts_with("heads:200000:65536\n"));
    assert_eq!(
        machine.read("/etc/exports"),
        "/srv/theirs 192.0.2.0/24(ro,no_subtree_check,fsid=9)\n"
    );
}

#[test]
fn what_was_written_again_is_made_count_again() {
    let machine = Machine::new();
    let spec = everything(&machine);
    all_right(&machine.set_up(&spec, &given()));
    let counts = || {
        let calls = machine.calls();
        calls.iter().filter(|call| *call == "update-initramfs -u -k all").count()
    };
    all_right(&machine.set_up(&spec, &given()));
    assert_eq!(counts(), 1, "once, and not with every setup");

    machine.replace("/etc/modprobe.d/zfs.conf", "8589934592", "1");
    all_right(&machine.set_up(&spec, &given()));

    assert_eq!(counts(), 2);
}
