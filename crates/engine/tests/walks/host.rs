//! A simulated host in a folder of its own, and walks on it.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use backoff::ExponentialBuilder;
use phoenix_domain::{Change, Facets, GuestSpec, Phase, Seen, Step, StepName, reached};
use phoenix_engine::{Caution, Halt, Journal, Outcome, Taken, Walk};
use phoenix_hypervisor::simulated::{Effects, Entry, Fault, Settings, Simulated, admin, init};
use phoenix_hypervisor::{Hand, Hypervisor};
use tempfile::{TempDir, tempdir};

/// A simulated host that is gone with its value.
pub(crate) struct Host {
    pub(crate) dir: TempDir,
    pub(crate) simulated: Simulated,
}

/// A journal that hears everything and stops nothing.
pub(crate) struct Silent;

impl Journal for Silent {
    async fn before(&self, _step: StepName, _change: &Change) -> Result<(), Halt> {
        Ok(())
    }

    fn stumbled(&self, _step: StepName, _change: &Change, _why: &str, _after: Duration) {}

    async fn taken(&self, _taken: Taken) -> Result<(), Halt> {
        Ok(())
    }
}

/// Returns an empty host on which nothing takes any time.
pub(crate) fn host() -> Host {
    let dir = tempdir().unwrap();
    init(dir.path(), &Settings::instant()).unwrap();
    let simulated = Simulated::open(dir.path(), Effects::InProcess).unwrap();
    Host { dir, simulated }
}

impl Host {
    /// Walks once, and tries nothing twice.
    pub(crate) async fn walk(&self, want: &GuestSpec) -> Outcome {
        walk_on(&self.simulated, want, 0).await
    }

    /// Walks once, and tries what fails in passing that often again.
    pub(crate) async fn walk_patiently(&self, want: &GuestSpec, again: usize) -> Outcome {
        walk_on(&self.simulated, want, again).await
    }

    /// Walks, and is surprised by anything but an arrival; returns the number of changes.
    pub(crate) async fn arrive(&self, want: &GuestSpec) -> u32 {
        changes(&self.walk(want).await)
    }

    pub(crate) fn fault(&self, fault: Fault) {
        admin::add_fault(self.dir.path(), fault).unwrap();
    }

    pub(crate) async fn look(&self, want: &GuestSpec) -> Seen {
        self.simulated.look(want, Facets::Inside).await.unwrap()
    }

    pub(crate) async fn phase(&self, want: &GuestSpec) -> Phase {
        reached(&want.way(), want, &self.look(want).await)
    }

    pub(crate) fn ledger(&self) -> Vec<Entry> {
        admin::ledger(self.dir.path()).unwrap()
    }

    /// Returns every guest on it, byte for byte.
    pub(crate) fn guests(&self) -> BTreeMap<String, String> {
        let files = fs::read_dir(self.dir.path().join("guests")).unwrap();
        files
            .map(|file| {
                let file = file.unwrap();
                // How often it was started is the only trace that a walk cut short may leave.
                let text = fs::read_to_string(file.path()).unwrap();
                let text = text.lines().filter(|line| !line.contains(r#""boots":"#)).collect();
                (file.file_name().into_string().unwrap(), text)
            })
            .collect()
    }
}

/// Walks once on any host.
pub(crate) async fn walk_on(host: &impl Hypervisor, want: &GuestSpec, again: usize) -> Outcome {
    cautious_walk_on(host, want, again, Caution::None).await
}

pub(crate) async fn cautious_walk_on(
    host: &impl Hypervisor,
    want: &GuestSpec,
    again: usize,
    caution: Caution,
) -> Outcome {
    let hand = Hand::default();
    let way = want.way();
    let patience = patience(again);
    Walk { want, way: &way, host, journal: &Silent, hand: &hand, caution, patience }.go().await
}

/// Walks these steps once, and tries nothing twice.
pub(crate) async fn walk_the(
    way: &[Box<dyn Step>],
    host: &impl Hypervisor,
    want: &GuestSpec,
) -> Outcome {
    let (hand, caution, patience) = (Hand::default(), Caution::None, patience(0));
    Walk { want, way, host, journal: &Silent, hand: &hand, caution, patience }.go().await
}

fn patience(again: usize) -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(1))
        .with_max_delay(Duration::from_millis(2))
        .with_max_times(again)
}

/// Returns the number of changes of a walk that arrived.
#[expect(clippy::panic, reason = "what did not arrive should stop the test")]
pub(crate) fn changes(outcome: &Outcome) -> u32 {
    match outcome {
        Outcome::Arrived { changes, addresses: _, aside: _ } => *changes,
        Outcome::Halted { .. } | Outcome::Stuck { .. } => panic!("it did not arrive: {outcome:?}"),
    }
}
