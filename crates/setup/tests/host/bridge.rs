//! A change of a real bridge, in a network of its own, with a gateway that answers or does not.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use phoenix_config::HostSpec;
use phoenix_setup::{Ended, Given};

use crate::machine::{Machine, all_right, everything};

/// Says that the test runs in a network of its own by now.
const INSIDE: &str = "PHOENIX_TEST_BRIDGE";
/// What `ifreload` does to one bridge.
const IFRELOAD: &str = "#!/bin/sh -e\n\
    address=$(sed -n '/^iface vmbr0/,/^$/s/^\\taddress //p' /etc/network/interfaces)\n\
    ip address flush dev vmbr0\nip address add \"$address\" dev vmbr0\n";

#[test]
fn a_bridge_is_changed_or_taken_back_by_whether_the_gateway_answers() {
    #[expect(clippy::disallowed_methods, reason = "a test that starts itself again says so there")]
    let is_inside = std::env::var_os(INSIDE).is_some();
    if !is_inside {
        let this = std::env::current_exe().unwrap().display().to_string();
        let own = "bridge::a_bridge_is_changed_or_taken_back_by_whether_the_gateway_answers";
        let ended = command("unshare", &["--net", &this, "--exact", own, "--nocapture"])
            .env(INSIDE, "1")
            .output()
            .unwrap();
        assert!(ended.status.success(), "{}", text(&ended));
        return;
    }
    let machine = Machine::new();
    for real in ["ip", "ping", "ifreload"] {
        fs::remove_file(machine.at(&format!("/usr/local/sbin/{real}"))).unwrap();
    }
    machine.write("/usr/local/sbin/ifreload", IFRELOAD);
    let rights = fs::Permissions::from_mode(0o755);
    fs::set_permissions(machine.at("/usr/local/sbin/ifreload"), rights).unwrap();
    let gateway = Gateway::new();
    let given = Given { patience: Some(Duration::from_secs(1)), ..Given::default() };
    let with = |address: &str| {
        let mut bridge = everything(&machine).bridge.unwrap();
        bridge.address = address.parse().unwrap();
        HostSpec { bridge: Some(bridge), ..HostSpec::default() }
    };

    let ended = machine.set_up(&with("192.168.7.13/24"), &given);
    let (_, end) = ended.iter().find(|(name, _)| name.is("network")).unwrap();
    assert!(matches!(end, Ended::Failed(_)), "{end:?}");
    assert_eq!(addresses(), ["10.0.0.9/24"]);
    let root = machine.host().root().display().to_string();
    run("chroot", &[&root, "ping", "-c", "1", "-W", "5", "10.0.0.1"]);
    assert!(machine.read("/etc/network/interfaces").contains("\taddress 10.0.0.9/24\n"));

    all_right(&machine.set_up(&with("10.0.0.13/24"), &given));
    assert_eq!(addresses(), ["10.0.0.13/24"]);
    drop(gateway);
}

/// A bridge, and somebody at the other end of a cable that is plugged into it.
struct Gateway(Child);

impl Gateway {
    fn new() -> Self {
        run("ip", &["link", "add", "vmbr0", "type", "bridge"]);
        run("ip", &["address", "add", "10.0.0.9/24", "dev", "vmbr0"]);
        run("ip", &["link", "set", "vmbr0", "up"]);
        let gateway = Self(command("unshare", &["--net", "sleep", "600"]).spawn().unwrap());
        let pid = gateway.0.id().to_string();
        let net = format!("/proc/{pid}/ns/net");
        let begun = Instant::now();
        while fs::read_link(&net).unwrap() == fs::read_link("/proc/self/ns/net").unwrap() {
            assert!(begun.elapsed() < Duration::from_secs(30), "it has no network of its own");
            sleep(Duration::from_millis(5));
        }
        let cable = ["link", "add", "port", "type", "veth", "peer", "name", "gw", "netns", &pid];
        run("ip", &cable);
        run("ip", &["link", "set", "port", "master", "vmbr0", "up"]);
        let there = format!("--net={net}");
        run("nsenter", &[&there, "ip", "address", "add", "10.0.0.1/24", "dev", "gw"]);
        run("nsenter", &[&there, "ip", "link", "set", "gw", "up"]);
        gateway
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn addresses() -> Vec<String> {
    let shown = run("ip", &["-4", "-o", "address", "show", "dev", "vmbr0"]);
    shown.split_whitespace().filter(|word| word.contains('/')).map(str::to_owned).collect()
}

fn command(program: &str, words: &[&str]) -> Command {
    #[expect(clippy::disallowed_methods, reason = "what a fixture is made of")]
    let mut command = Command::new(program);
    command.args(words);
    command
}

fn run(program: &str, words: &[&str]) -> String {
    let ended = command(program, words).output().unwrap();
    assert!(ended.status.success(), "{program} {words:?}: {}", text(&ended));
    String::from_utf8_lossy(&ended.stdout).into_owned()
}

fn text(ended: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr))
}
