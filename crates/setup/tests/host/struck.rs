//! Setup is killed while a command of its runs: the command dies with it, or is left and ends by
//! itself. The next setup waits for what was left, and goes on.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;

use phoenix_config::{HostSpec, NvidiaDriver};
use phoenix_setup::{Given, Host, Setup, StateError, all};

use crate::machine::{DISKS, Machine, all_right, given};

/// Where a child finds the host that it is to set up until it is killed.
const ROOT: &str = "PHOENIX_TEST_STRUCK_ROOT";
/// What says that somebody is to be killed; whoever is left waits until nobody else holds it.
const GATE: &str = "/var/lib/doubles/strike";
const TIMER: &str = "/var/lib/doubles/timer-phoenix-setup-revert";
/// Programs that the host really has, started by way of the double.
const REAL: [&str; 6] = ["useradd", "chpasswd", "testparm", "visudo", "apparmor_parser", "sh"];

/// Everything that runs a command.
fn spec(profile: std::path::PathBuf) -> HostSpec {
    let driver = NvidiaDriver {
        version: "580.76.05".to_owned(),
        url: "https://example.org/x.run".to_owned(),
    };
    HostSpec { iommu: true, nvidia: Some(driver), ..crate::machine::spec(profile) }
}

fn wish() -> Given {
    Given { wipe: vec![DISKS[1].to_owned()], ..given() }
}

/// Makes a host on which nothing waits for a reboot, and a disk is to be wiped.
fn machine() -> Machine {
    let machine = Machine::new();
    machine.write("/proc/cpuinfo", "vendor_id : AuthenticAMD\n");
    machine.write("/proc/cmdline", "root=/dev/sda1 iommu=pt\n");
    machine.write("/sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n");
    machine.write("/sys/bus/pci/devices/0000:01:00.0/class", "0x030000\n");
    machine.write("/sys/module/nvidia/version", "580.76.05\n");
    machine.write("/var/lib/doubles/nvidia-next", "580.76.05\n");
    machine.disk(DISKS[1], &format!("{} ext4 photos -\n", DISKS[1]));
    for program in REAL {
        std::os::unix::fs::symlink("double", machine.at(&format!("/usr/local/sbin/{program}")))
            .unwrap();
    }
    machine
}

#[test]
fn killed_during_every_command_it_goes_on_to_the_same_end() {
    #[expect(clippy::disallowed_methods, reason = "a test that starts itself again says so there")]
    if let Ok(root) = std::env::var(ROOT) {
        return set_up(Path::new(&root));
    }
    let whole = machine();
    all_right(&whole.set_up(&spec(whole.profile()), &wish()));
    let struck = machine();
    let gate = File::create(struck.at(GATE)).unwrap();
    let mut ends = 0;

    loop {
        gate.lock().unwrap();
        let is_killed = is_killed(&struck);
        let last = fs::read_to_string(struck.at("/var/lib/doubles/struck")).unwrap_or_default();
        let last = last.lines().last().unwrap_or_default().to_owned();
        if is_killed && last.starts_with("left ") {
            // Whoever was left works on, and nobody else does.
            let other = struck.setup(&spec(struck.profile()), &wish());
            let other = other.run(&|_, _| true, &mut |_, _| {});
            assert!(matches!(other, Err(StateError::Held)), "{last}: {other:?}");
        }
        gate.unlock().unwrap();
        if !is_killed {
            break;
        }
        File::open(struck.at("/var/lib/phoenix/setup/lock")).unwrap().lock().unwrap();
        time_passes(&struck);
        ends += 1;
        assert!(ends < 300, "it does not get on: {last}");
    }

    let text = struck.read("/var/lib/doubles/struck");
    let programs = |how: &str| {
        let calls = text.lines().filter_map(|line| line.strip_prefix(how));
        calls.filter_map(|call| call.split(' ').next()).collect::<BTreeSet<_>>()
    };
    let every = BTreeSet::from([
        "apparmor_parser",
        "apt-get",
        "chpasswd",
        "ifreload",
        "pvesh",
        "pvesm",
        "pveum",
        "sh",
        "systemctl",
        "systemd-run",
        "testparm",
        "update-grub",
        "update-initramfs",
        "useradd",
        "visudo",
        "wipefs",
        "zfs",
        "zpool",
    ]);
    assert_eq!(programs("with it "), every.clone());
    // What sets up has an end, and the last one is the same.
    assert_eq!(programs("left "), every);
    fs::remove_file(struck.at(GATE)).unwrap();
    fs::remove_file(struck.at("/var/lib/doubles/struck")).unwrap();
    // What systemd would have put back is left where the timer was stopped by who was left; nobody
    // reads it without the timer.
    drop(fs::remove_file(struck.at("/var/lib/phoenix/setup/revert.old")));
    let lines = |machine: &Machine| {
        let root = machine.host().root().display().to_string();
        machine.state().lines().map(|line| line.replace(&root, "")).collect::<BTreeSet<_>>()
    };
    let (struck, whole) = (lines(&struck), lines(&whole));
    let other: Vec<_> = struck.symmetric_difference(&whole).collect();
    assert!(other.is_empty(), "the end is another one: {other:#?}");
}

/// Sets a host up in a process of its own, and says whether somebody killed it.
fn is_killed(machine: &Machine) -> bool {
    let this = std::env::current_exe().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test that starts itself again")]
    let ended = Command::new(this)
        .args([
            "--exact",
            "struck::killed_during_every_command_it_goes_on_to_the_same_end",
            "--nocapture",
        ])
        .env(ROOT, machine.host().root())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    let signal = ended.status.signal();
    assert!(ended.status.success() || signal == Some(9), "{signal:?}: {said}");
    signal == Some(9)
}

fn set_up(root: &Path) {
    let spec = spec(root.parent().unwrap().join("profiles/lxc-phoenix"));
    let setup = Setup::new(Host::new(root), all(&spec, &wish()), || "t".to_owned());
    all_right(&setup.run(&|_, _| true, &mut |_, _| {}).unwrap());
}

/// Does what systemd does when the network was not found good in time.
fn time_passes(machine: &Machine) {
    let Ok(timer) = fs::read_to_string(machine.at(TIMER)) else { return };
    let done = machine.inside(&timer.split('\0').collect::<Vec<_>>());
    assert!(done.status.success(), "{done:?}");
    fs::remove_file(machine.at(TIMER)).unwrap();
}
