//! The gateway in a real container of Debian, with real upstreams.
//!
//! The archive the containers are made of is made by `cargo xtask test`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken fixture should stop the test")]

mod desk;
mod proof;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use backoff::ExponentialBuilder;
use phoenix_domain::{Change, Goal, GuestSpec, Nic, StepName};
use phoenix_engine::{Caution, Halt, Journal, Outcome, Taken, Walk};
use phoenix_hypervisor::lxc::{Lxc, Machine};
use phoenix_hypervisor::{Hand, Lock};
use phoenix_testkit::guest;
use phoenix_testkit::lxc::{LxcLab, Reach};

/// Lists what of a guest must not change when a feature is installed a second time.
const LIST: &str = "find / -xdev \\( -path /var/log -o -path /var/cache -o -path /var/lib/apt \
    -o -path /tmp -o -path /run -o -path /proc -o -path /sys -o -path /dev \
    -o -path /var/lib/phoenix \\) -prune -o -type f -printf '%p %m %u:%g %s %T@\\n' | sort; \
    for u in $(systemctl list-units --type=service --state=running --no-legend --plain | cut -d' ' -f1); do \
    echo $u $(systemctl show -p ActiveEnterTimestampMonotonic $u); done";

fn features() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../features").canonicalize().unwrap()
}

/// Returns a lab with Debian's archive, and the driver for it with our features.
fn ground() -> (LxcLab, Lxc) {
    let lab = LxcLab::new(Reach::Internet);
    lab.debian();
    let mut machine: Machine = lab.machine();
    machine.library.features = vec![features()];
    let host = Lxc::open(&machine).unwrap();
    (lab, host)
}

/// Returns a guest made of the archive, with this address and these features.
fn debian_guest(vmid: u64, address: &str, features: &[&str]) -> GuestSpec {
    let archive = "local:vztmpl/debian.tar.zst";
    let mut want = guest(vmid).archive(archive).memory(2048).features(features).build();
    want.nics = vec![Nic {
        name: Some("eth0".into()),
        bridge: "vmbr0".parse().unwrap(),
        address: address.parse().unwrap(),
        gateway: Some("10.77.0.1".parse().unwrap()),
        mac: None,
        nameservers: vec!["10.0.2.3".parse().unwrap()],
    }];
    want
}

/// Fails where a guest is otherwise than before.
fn assert_same(before: &str, after: &str, feature: &str) {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let changed: Vec<_> = lines(before).symmetric_difference(&lines(after)).cloned().collect();
    assert_eq!(changed, [""; 0], "installed a second time, {feature} changes something");
}

/// Has a feature be installed once more.
fn again(lab: &LxcLab, vmid: u64, feature: &str) {
    lab.inside(vmid, &["rm", &format!("/var/lib/phoenix/receipts/feature-{feature}")]);
}

/// Walks, and is surprised by anything but an arrival; returns the number of changes.
async fn arrive(host: &Lxc, want: &GuestSpec) -> u32 {
    match walk(host, want).await {
        Outcome::Arrived { changes, .. } => changes,
        outcome @ (Outcome::Halted { .. } | Outcome::Stuck { .. }) => panic!("{outcome:?}"),
    }
}

/// Walks, and returns how that ended.
async fn walk(host: &Lxc, want: &GuestSpec) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let lock = Lock::try_take(&folder.path().join("lock")).unwrap();
    let walk = Walk {
        want,
        way: &Goal::Present.way(want, None),
        host,
        journal: &Silent,
        hand: &Hand::holding([&lock]),
        caution: Caution::None,
        patience: ExponentialBuilder::default().with_max_times(0),
    };
    walk.go().await
}

/// A journal that hears everything and stops nothing.
struct Silent;

impl Journal for Silent {
    async fn before(&self, _step: StepName, _change: &Change) -> Result<(), Halt> {
        Ok(())
    }

    fn stumbled(&self, _step: StepName, _change: &Change, _why: &str, _after: Duration) {}

    async fn taken(&self, _taken: Taken) -> Result<(), Halt> {
        Ok(())
    }
}
