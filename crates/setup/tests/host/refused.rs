//! What setup refuses, and what it says then; and what it takes back.

use std::time::Duration;

use phoenix_config::{Dataset, HostSpec, Pool, RaidLevel, Storage};
use phoenix_setup::{Ended, Given, Impact, Name};

use crate::machine::{DISKS, Machine, all_right, everything, given};

fn only(spec: &HostSpec, keep: impl FnOnce(&mut HostSpec, &HostSpec)) -> HostSpec {
    let mut some = HostSpec::default();
    keep(&mut some, spec);
    some
}

fn driver() -> HostSpec {
    let driver = phoenix_config::NvidiaDriver {
        version: "580.76.05".to_owned(),
        url: "https://example.org/x.run".to_owned(),
    };
    HostSpec { nvidia: Some(driver), ..HostSpec::default() }
}

fn end<'e>(ended: &'e [(Name, Ended)], item: &str) -> &'e Ended {
    &ended.iter().find(|(name, _)| name.is(item)).unwrap().1
}

fn why(ended: &[(Name, Ended)], item: &str) -> String {
    match end(ended, item) {
        Ended::Blocked(err) => err.to_string(),
        Ended::Failed(err) => {
            let cause = std::error::Error::source(err).map(ToString::to_string).unwrap_or_default();
            format!("{err}: {cause}")
        }
        Ended::Partly { left_out, .. } => left_out.first().unwrap().to_string(),
        other @ (Ended::Same | Ended::Changed(_) | Ended::Reboot { .. }) => {
            panic!("{item} ended well: {other:?}")
        }
    }
}

fn pools(machine: &Machine) -> HostSpec {
    only(&everything(machine), |some, all| {
        some.pools.clone_from(&all.pools);
        some.datasets.clone_from(&all.datasets);
    })
}

#[test]
fn a_disk_with_something_on_it_is_refused_with_what_that_is_and_nothing_is_lost() {
    let machine = Machine::new();
    machine.disk(DISKS[1], &format!("{}-part1 ext4 photos -\n", DISKS[1]));

    let ended = machine.set_up(&pools(&machine), &Given::default());

    let why = why(&ended, "pools");
    assert!(why.contains("ext4 `photos` in /dev/disk/by-id/nvme-B-part1"), "{why}");
    assert!(matches!(end(&ended, "datasets"), Ended::Blocked(_)));
    let calls = machine.calls();
    assert!(
        !calls.iter().any(|call| call.starts_with("zpool create") || call.contains("--all")),
        "{calls:?}"
    );
}

/// Two pools, each with all that may stand on one.
fn two_pools(machine: &Machine) -> HostSpec {
    let mut spec = everything(machine);
    let disks = vec![DISKS[2].to_owned()];
    spec.pools.push(Pool { name: "fast".to_owned(), level: RaidLevel::Single, disks });
    let of_fast = |dataset: &Dataset| {
        let storage = dataset.storage.clone().map(|storage| Storage {
            id: storage.id.as_str().replace("tank", "fast").parse().unwrap(),
            ..storage
        });
        Dataset { pool: "fast".to_owned(), storage, ..dataset.clone() }
    };
    let more: Vec<_> = spec.datasets.iter().map(of_fast).collect();
    spec.datasets.extend(more);
    for export in spec.exports.as_mut().unwrap() {
        export.options.retain(|option| !option.starts_with("fsid"));
    }
    let mut export = spec.exports.as_ref().unwrap()[0].clone();
    "/fast/data".clone_into(&mut export.path);
    spec.exports.as_mut().unwrap().push(export);
    let mut share = spec.samba.as_ref().unwrap().shares[0].clone();
    (share.name, share.path) = ("fast".to_owned(), "/fast/data".to_owned());
    spec.samba.as_mut().unwrap().shares.push(share);
    spec
}

#[test]
fn one_bad_disk_keeps_only_its_own_pool_and_what_stands_on_it() {
    let machine = Machine::new();
    let spec = two_pools(&machine);
    machine.disk(DISKS[1], &format!("{}-part1 ext4 photos -\n", DISKS[1]));

    let ended = machine.set_up(&spec, &given());

    let found = "/dev/disk/by-id/nvme-B: it is not blank: ext4 `photos`";
    assert!(why(&ended, "pools/tank").contains(found), "{ended:?}");
    for skipped in ["datasets/tank", "storages/tank", "volumes/tank"] {
        let why = why(&ended, skipped);
        assert!(
            why.starts_with("pools/tank is not right, which it needs: ") && why.contains(found),
            "{why}"
        );
    }
    for partly in ["nfs", "samba"] {
        let why = why(&ended, partly);
        assert!(
            why.starts_with("/tank/data: it lies on pools/tank") && why.contains(found),
            "{why}"
        );
    }
    let bad = ["pools/tank", "datasets/tank", "storages/tank", "volumes/tank", "nfs", "samba"];
    for (item, end) in &ended {
        assert_eq!(end.is_right(), !bad.contains(&&*item.to_string()), "{item}: {end:?}");
    }
    assert!(machine.at("/fast/data").is_dir());
    assert!(!machine.at("/tank").exists(), "nothing is shared from the disk of the system");
    assert!(!machine.read("/etc/exports.d/phoenix.exports").contains("/tank"));
    assert!(!machine.read("/etc/samba/smb.conf").contains("/tank"));
    assert!(machine.read("/etc/samba/smb.conf").contains("path = /fast/data"));
    assert!(machine.read("/etc/pve/storage.cfg").contains("zfspool: fast-disks"));

    // Once the disk is blank, the rest follows.
    machine.disk(DISKS[1], "");
    all_right(&machine.set_up(&spec, &given()));
    assert!(machine.read("/etc/exports.d/phoenix.exports").contains("/tank/data"));
}

#[test]
fn a_pool_that_cannot_be_made_keeps_only_what_stands_on_it() {
    let machine = Machine::new();
    let create = "} elsif ($verb eq \"create\") {";
    let refuse = "{ refuse(\"I/O error\") if \"@args\" =~ /nvme-A/; }";
    // There are two, and the first is of `zpool`.
    let double =
        machine.read("/usr/local/sbin/double").replacen(create, &format!("{create} {refuse}"), 1);
    machine.write("/usr/local/sbin/double", &double);

    let ended = machine.set_up(&two_pools(&machine), &given());

    assert!(why(&ended, "pools/tank").contains("I/O error"), "{ended:?}");
    assert!(why(&ended, "datasets/tank").starts_with("pools/tank is not right"));
    assert!(end(&ended, "storages/fast").is_right(), "{ended:?}");
}

#[test]
fn what_is_exported_from_a_pool_that_is_not_right_any_more_stays_exported() {
    let machine = Machine::new();
    let mut spec = two_pools(&machine);
    all_right(&machine.set_up(&spec, &given()));
    let before = machine.state();
    // The pool is there and well; the file says that it has another disk.
    spec.pools[0].disks[1] = "/dev/disk/by-id/nvme-X".to_owned();

    let ended = machine.set_up(&spec, &given());

    assert!(why(&ended, "pools/tank").contains("it has not the disk"), "{ended:?}");
    assert!(matches!(end(&ended, "nfs"), Ended::Partly { changed: 0, .. }), "{ended:?}");
    assert_eq!(machine.state(), before);
}

#[test]
fn what_was_asked_for_alone_is_not_made_on_what_is_not_there() {
    let machine = Machine::new();
    let spec = two_pools(&machine);
    let asked = machine.setup(&spec, &given()).only(&["datasets".to_owned()]);

    let seen = asked.plan();

    assert!(!seen.is_empty());
    for seen in seen {
        let why = seen.look.unwrap_err().to_string();
        assert!(why.contains("it is not as configured; `--only pools/"), "{why}");
    }
}

#[test]
fn a_disk_is_wiped_only_by_name_and_only_when_that_was_agreed_to() {
    let machine = Machine::new();
    machine.disk(DISKS[1], &format!("{}-part1 ext4 photos -\n", DISKS[1]));
    let given = Given { wipe: vec![DISKS[1].to_owned()], ..Given::default() };
    let setup = machine.setup(&pools(&machine), &given);

    let ended = setup.run(&|_, change| change.impact != Impact::Destroys, &mut |_, _| {}).unwrap();
    assert!(why(&ended, "pools").contains("was not agreed to"));
    assert!(!machine.calls().iter().any(|call| call.contains("wipefs --all")));

    let ended = setup.run(&|_, _| true, &mut |_, _| {}).unwrap();
    assert!(end(&ended, "pools").is_right(), "{ended:?}");
    let wiped: Vec<_> = machine.calls().into_iter().filter(|call| call.contains("--all")).collect();
    assert_eq!(wiped, [format!("wipefs --all -- {0}-part1 {0}", DISKS[1])]);
}

#[test]
fn a_disk_in_use_is_not_wiped_whatever_was_agreed_to() {
    let machine = Machine::new();
    machine.disk(DISKS[1], &format!("{}-part1 ext4 photos /home\n", DISKS[1]));
    let given = Given { wipe: vec![DISKS[1].to_owned()], ..Given::default() };

    let ended = machine.set_up(&pools(&machine), &given);

    assert!(why(&ended, "pools").contains("mounted at /home"));
}

#[test]
fn a_disk_of_another_pool_is_not_wiped_whatever_was_agreed_to() {
    let machine = Machine::new();
    machine.disk(DISKS[1], &format!("{}-part1 zfs_member other -\n", DISKS[1]));
    machine.write("/var/lib/doubles/pools/other", &format!(" {}\n", DISKS[1]));
    let given = Given { wipe: vec![DISKS[1].to_owned()], ..Given::default() };

    let ended = machine.set_up(&pools(&machine), &given);

    assert!(why(&ended, "pools").contains("it belongs to the pool other"));
}

#[test]
fn a_pool_that_is_only_not_imported_is_not_made_anew() {
    let machine = Machine::new();
    machine.write("/var/lib/doubles/importable", "   pool: tank\n     id: 1\n  state: ONLINE\n");

    let ended = machine.set_up(&pools(&machine), &Given::default());

    assert!(why(&ended, "pools").contains("it is not imported"));
}

#[test]
fn a_pool_of_other_disks_is_not_touched() {
    let machine = Machine::new();
    machine.write("/var/lib/doubles/pools/tank", &format!("mirror {} {}\n", DISKS[0], DISKS[2]));

    let ended = machine.set_up(&pools(&machine), &Given::default());

    assert!(why(&ended, "pools").contains("it has not the disk /dev/disk/by-id/nvme-B"));
}

#[test]
fn a_storage_of_something_else_is_not_touched() {
    let machine = Machine::new();
    let spec = everything(&machine);
    machine
        .write("/etc/pve/storage.cfg", "dir: tank-disks\n\tpath /elsewhere\n\tcontent rootdir\n\n");

    let ended = machine.set_up(&spec, &given());

    assert!(why(&ended, "storages").contains("it is a `dir` of something else"));
    assert!(end(&ended, "firewall").is_right(), "what does not need it goes on");
}

#[test]
fn a_network_without_a_gateway_is_taken_back() {
    let machine = Machine::new();
    let mut spec = only(&everything(&machine), |some, all| some.bridge.clone_from(&all.bridge));
    // Where the gateway is not.
    spec.bridge.as_mut().unwrap().address = "192.168.7.13/24".parse().unwrap();
    let before = machine.read("/etc/network/interfaces");
    let given = Given { patience: Some(Duration::from_millis(500)), ..Given::default() };

    let ended = machine.set_up(&spec, &given);

    assert!(why(&ended, "network").contains(
        "the gateway 10.0.0.1 did not answer within 0 s: /etc/network/interfaces was put back"
    ));
    assert_eq!(machine.read("/etc/network/interfaces"), before);
    assert_eq!(machine.read("/var/lib/doubles/network"), before);
    assert!(!machine.at("/var/lib/doubles/timer-phoenix-setup-revert").exists());
}

#[test]
fn who_was_killed_after_the_network_was_cut_left_a_way_back() {
    let machine = Machine::new();
    let spec = only(&everything(&machine), |some, all| some.bridge.clone_from(&all.bridge));
    all_right(&machine.set_up(&spec, &Given::default()));
    let calls = machine.calls();
    let order: Vec<_> = calls
        .iter()
        .filter_map(|call| call.split(' ').next())
        .filter(|name| ["systemd-run", "ifreload", "ping"].contains(name))
        .collect();
    assert_eq!(order, ["systemd-run", "ifreload", "ping"]);
    let armed = calls.iter().find(|call| call.starts_with("systemd-run")).unwrap();
    assert!(armed.contains("--on-active=60 --unit phoenix-setup-revert"), "{armed}");
    assert!(
        armed.ends_with("/var/lib/phoenix/setup/revert.old /etc/network/interfaces ifreload -a"),
        "{armed}"
    );

    // As it is when somebody was killed in between.
    machine.write("/var/lib/phoenix/setup/revert.old", "old");
    machine.write("/var/lib/doubles/timer-phoenix-setup-revert", "");
    let ended = machine.set_up(&spec, &Given::default());

    assert!(why(&ended, "network").contains("is about to be taken back"));
}

#[test]
fn a_profile_that_does_not_parse_leaves_the_old_one() {
    let machine = Machine::new();
    let spec = only(&everything(&machine), |some, all| some.profiles.clone_from(&all.profiles));
    all_right(&machine.set_up(&spec, &Given::default()));
    let before = machine.read("/etc/apparmor.d/lxc-phoenix");
    std::fs::write(machine.profile(), "profile lxc-phoenix {\n  nonsense here\n}\n").unwrap();

    let ended = machine.set_up(&spec, &Given::default());

    assert!(
        why(&ended, "apparmor")
            .contains("apparmor_parser does not accept the new /etc/apparmor.d/lxc-phoenix"),
        "{}",
        why(&ended, "apparmor")
    );
    assert_eq!(machine.read("/etc/apparmor.d/lxc-phoenix"), before);
    assert_eq!(
        std::fs::read_dir(machine.at("/etc/apparmor.d"))
            .unwrap()
            .filter(|entry| entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .contains("phoenix-new"))
            .count(),
        0
    );
}

#[test]
fn shares_that_samba_does_not_take_leave_the_old_file() {
    let machine = Machine::new();
    let spec = only(&everything(&machine), |some, all| some.samba.clone_from(&all.samba));
    let mut spec = spec;
    spec.samba.as_mut().unwrap().user = "nobody".to_owned();
    machine.write("/etc/samba/smb.conf", "[global]\n  include = registry\n[broken\n");
    let before = machine.read("/etc/samba/smb.conf");

    let ended = machine.set_up(&spec, &Given::default());

    assert!(why(&ended, "samba").contains("testparm does not accept"), "{}", why(&ended, "samba"));
    assert_eq!(machine.read("/etc/samba/smb.conf"), before);
}

#[test]
fn a_driver_that_somebody_hides_is_not_installed() {
    let machine = Machine::new();
    let spec = driver();
    assert!(
        machine.set_up(&spec, &Given::default()).iter().all(|(_, end)| end.is_right()),
        "no card, nothing to do"
    );
    machine.write("/sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n");
    machine.write("/sys/bus/pci/devices/0000:01:00.0/class", "0x030000\n");
    machine.write("/etc/modprobe.d/blacklist.conf", "blacklist nvidia\n");

    let ended = machine.set_up(&spec, &Given::default());

    assert!(why(&ended, "nvidia").contains("`blacklist nvidia` hides the driver"));
}

#[test]
fn a_driver_waits_for_a_reboot_and_setup_goes_on_after_it() {
    let machine = Machine::new();
    let spec = driver();
    machine.write("/sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n");
    machine.write("/sys/bus/pci/devices/0000:01:00.0/class", "0x030000\n");
    machine.write("/sys/module/nouveau/refcnt", "1\n");
    machine.write("/var/lib/doubles/nvidia-next", "580.76.05\n");
    let setup = machine.setup(&spec, &Given::default()).resumed_by(vec![
        "/usr/bin/phoenix".to_owned(),
        "setup".to_owned(),
        "--yes".to_owned(),
    ]);

    let ended = setup.run(&|_, _| true, &mut |_, _| {}).unwrap();

    let Ended::Reboot { why, .. } = end(&ended, "nvidia") else { panic!("{ended:?}") };
    assert_eq!(why, "the kernel runs nouveau in its place");
    assert!(matches!(end(&ended, "gpu-nodes"), Ended::Blocked(_)), "it needs the driver");
    let unit = "/etc/systemd/system/multi-user.target.wants/phoenix-setup-resume.service";
    assert!(machine.at(unit).symlink_metadata().is_ok());

    // The reboot.
    std::fs::remove_dir_all(machine.at("/sys/module/nouveau")).unwrap();
    machine.write("/sys/module/nvidia/version", "580.76.05\n");
    let ended = setup.run(&|_, _| true, &mut |_, _| {}).unwrap();

    all_right(&ended);
    assert!(matches!(end(&ended, "nvidia"), Ended::Same));
    assert!(
        machine
            .at("/etc/systemd/system/multi-user.target.wants/phoenix-gpu-nodes.service")
            .symlink_metadata()
            .is_ok()
    );
    assert!(machine.at(unit).symlink_metadata().is_err());
}

#[test]
fn what_somebody_writes_meanwhile_is_not_written_over() {
    let machine = Machine::new();
    let spec = HostSpec { timezone: Some("Europe/Berlin".to_owned()), ..HostSpec::default() };
    let mut told = |_: &Name, told: phoenix_setup::Told<'_>| {
        if let phoenix_setup::Told::Begins(change) = told
            && change.act.to_string().ends_with("/etc/timezone")
        {
            machine.write("/etc/timezone", "somebody else's\n");
        }
    };

    let ended = machine.setup(&spec, &Given::default()).run(&|_, _| true, &mut told).unwrap();

    let why = why(&ended, "time");
    assert!(why.contains("/etc/timezone was changed by somebody else meanwhile"), "{why}");
    assert_eq!(machine.read("/etc/timezone"), "somebody else's\n");
}

#[test]
fn a_change_of_which_nothing_comes_is_an_error_that_says_so() {
    let machine = Machine::new();
    all_right(&machine.set_up(&pools(&machine), &Given::default()));
    machine.replace("/var/lib/doubles/zfs/tank%data", "quota\t536870912000", "quota\t0");
    let takes = "} elsif ($verb eq \"set\" && @args == 2) {";
    machine.replace("/usr/local/sbin/double", takes, &format!("{takes} exit 0;"));

    let ended = machine.set_up(&pools(&machine), &Given::default());

    let why = why(&ended, "datasets");
    assert!(
        why.contains("`run zfs set quota=500G tank/data` was done, and nothing came of it"),
        "{why}"
    );
}
