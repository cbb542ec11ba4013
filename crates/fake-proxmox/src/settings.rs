//! What the made-up node has, and how slow it is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the made-up node has, and how slow it is.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Settings {
    /// The name of the node.
    pub node: String,
    /// The storages; `local` with the templates is always there.
    pub storages: Vec<StorageSetting>,
    /// Bridges and VNets, which are folders in `sys/class/net`.
    pub bridges: Vec<String>,
    /// How long a command takes, in milliseconds, by `program` or `program subcommand`.
    ///
    /// The longer name wins. `unpack`, `full-clone` and `linked-clone` are parts of a command.
    pub latency: BTreeMap<String, u64>,
    /// Whether a command keeps a core busy while it starts, as a real one does, instead of sleeping.
    pub burns: bool,
    /// How long a command waits for the lock of a guest, in milliseconds.
    pub lock_wait_ms: u64,
    /// What a DHCP server answers.
    pub dhcp: Dhcp,
    /// Whether there is a guest in a machine, which answers and can be asked to end.
    pub machines_boot: bool,
    /// How many cores the node has.
    pub cores: u32,
}

/// A storage of the made-up node.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct StorageSetting {
    /// The name, as in `local-lvm`.
    pub name: String,
    /// `dir`, `btrfs`, `zfspool`, `lvmthin`, `lvm` or `nfs`.
    pub kind: String,
    /// How much fits.
    pub gib: u64,
}

/// What happens to a container that asks for an address.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dhcp {
    /// It gets one of this network, by its number: `10.77.0.` for 10.77.0.0/24.
    Network(String),
    /// Nobody answers.
    Never,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            node: "pve".into(),
            storages: vec![StorageSetting {
                name: "local-lvm".into(),
                kind: "lvmthin".into(),
                gib: 1000,
            }],
            bridges: vec!["vmbr0".into()],
            latency: BTreeMap::new(),
            burns: false,
            lock_wait_ms: 10_000,
            dhcp: Dhcp::Network("10.77.0.".into()),
            machines_boot: true,
            cores: 2,
        }
    }
}

/// What was measured on two cores, in milliseconds; most of it is the start of Perl.
const MEASURED: [(&str, u64); 26] = [
    ("pct", 750),
    ("pct status", 700),
    ("pct config", 750),
    ("pct list", 740),
    ("pct exec", 690),
    ("pct set", 770),
    ("pct push", 710),
    ("pct create", 900),
    ("pct clone", 900),
    ("pct start", 2000),
    ("pct stop", 1500),
    ("pct shutdown", 2500),
    ("pct reboot", 4000),
    ("pct destroy", 1000),
    ("pct snapshot", 1100),
    ("qm", 700),
    ("qm status", 680),
    ("qm list", 650),
    ("pvesm", 400),
    ("pvesh", 820),
    ("pveam", 400),
    ("lxc-attach", 6),
    ("apparmor_parser", 20),
    ("unpack", 3000),
    ("full-clone", 11_000),
    ("linked-clone", 600),
];

impl Settings {
    /// Returns the default node, as slow as a real one.
    pub fn natural() -> Self {
        let latency = MEASURED.iter().map(|&(name, ms)| (name.to_owned(), ms)).collect();
        Self { latency, ..Self::default() }
    }

    /// Returns how long a program is to take before it does anything.
    pub(crate) fn start_up(&self, program: &str, subcommand: &str) -> u64 {
        let exact = self.latency.get(&format!("{program} {subcommand}"));
        exact.or_else(|| self.latency.get(program)).copied().unwrap_or(0)
    }

    /// Returns how long a part of a command is to take.
    pub(crate) fn part(&self, name: &str) -> u64 {
        self.latency.get(name).copied().unwrap_or(0)
    }
}
