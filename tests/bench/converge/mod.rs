//! Many guests of nine commands: made, and asked for again when there is nothing to do.
//!
//! All contenders start the same programs of made-up nodes, each on one of its own.

pub(crate) mod fleet;
mod ours;
mod peers;

use std::path::{Path, PathBuf};

use phoenix_fake_proxmox::{Settings, StorageSetting, ledger};
use phoenix_testkit::pve::PveNode;
use phoenix_testkit::samples::Samples;

use crate::words::Words;

use self::peers::Peer;

/// How long the start of the real `pct` keeps a core busy, and of `lxc-attach`, which is no Perl.
const REAL: [(&str, u64); 2] = [("pct", 600), ("lxc-attach", 6)];
/// From how many guests on Ansible is run once and with one number of forks, as it takes minutes.
const MANY: u32 = 50;
/// From how many on it is not run.
const TOO_MANY: u32 = 200;

/// What is measured first of each.
const FIRST: &str = "first run";

pub(crate) struct Scenes<'s> {
    pub(crate) server: &'s Path,
    pub(crate) worker: &'s Path,
    pub(crate) phoenix: &'s Path,
    pub(crate) words: &'s Words,
    pub(crate) samples: &'s Samples,
}

/// What making a fleet, or asking for it again, came to.
struct Run {
    seconds: f64,
    /// Of all processes.
    cpu: f64,
    /// How many processes of the node were started.
    started: usize,
}

impl Scenes<'_> {
    pub(crate) fn play(&self) {
        let rounds = self.words.number("rounds").unwrap_or(5);
        for guests in self.words.numbers("guests") {
            for round in 0..rounds as usize {
                self.round(guests, round);
            }
        }
    }

    /// All contenders, one after the other.
    fn round(&self, guests: u32, round: usize) {
        let kind = if self.is_real() { " of a real pct" } else { "" };
        let note = |what: &str, who: &str, run: &Run| {
            println!("{guests} guests{kind}, {what}: {who}: {:.2} s", run.seconds);
            let all = format!("{guests} guests{kind}, {what}");
            self.samples.note(round, &all, who, (run.seconds, "s"));
            // What nobody does anything for is less than the kernel's clock can tell.
            if what == FIRST {
                self.samples.note(round, &format!("{all}, CPU"), who, (run.cpu, "s"));
            }
            let started = run.started as f64;
            self.samples.note(
                round,
                &format!("{all}, pct and its like"),
                who,
                (started, "processes"),
            );
        };
        let ours = ours::Site::new(self, guests);
        note(FIRST, "phoenix", &ours.submit());
        note("again", "phoenix", &ours.submit());
        note("again", "phoenix, with a look at each guest", &ours.look(guests));
        drop(ours);
        for peer in self.peers() {
            if !peer.takes_part(guests, round) {
                continue;
            }
            let name = peer.name();
            if guests >= TOO_MANY && peer.is_slow() {
                self.samples
                    .not_run(&format!("{name} with {guests} guests"), "it takes ten minutes");
                continue;
            }
            let site = peers::Site::new(&peer, self.node(), guests);
            note(FIRST, &name, &site.run());
            note("again", &name, &site.run());
        }
    }

    fn peers(&self) -> Vec<Peer> {
        let mut peers = Vec::new();
        if self.words.has("shell") {
            peers.push(Peer::Shell);
        }
        if let Some(program) = self.words.text("terraform") {
            peers.push(Peer::Terraform(PathBuf::from(program)));
        }
        if let Some(program) = self.words.text("ansible") {
            let ansible =
                |forks: &u32| Peer::Ansible { program: PathBuf::from(program), forks: *forks };
            let forks: &[u32] = if self.is_real() { &[16] } else { &[16, 1, 50] };
            peers.extend(forks.iter().map(ansible));
        }
        peers
    }

    /// Makes a node, where `pct` costs what it is to cost.
    fn node(&self) -> PveNode {
        let disks =
            StorageSetting { name: "fast-disks".into(), kind: "zfspool".into(), gib: 100_000 };
        let mut settings = Settings { node: "pve1".into(), ..Settings::default() };
        settings.storages.push(disks);
        if self.is_real() {
            settings.burns = true;
            settings.latency = REAL.map(|(name, ms)| (name.to_owned(), ms)).into();
        }
        PveNode::new(&settings)
    }

    fn is_real(&self) -> bool {
        self.words.has("real")
    }
}

/// Returns how many processes of a node were ever started. Each has noted that it began, and its end.
fn started(node: &PveNode) -> usize {
    ledger(node.world.root()).unwrap().len() / 2
}
