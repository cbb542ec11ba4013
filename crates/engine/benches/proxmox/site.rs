//! A made-up node and walks on it.

use std::sync::Arc;
use std::time::Duration;

use backoff::ExponentialBuilder;
use futures_util::StreamExt as _;
use phoenix_domain::{Change, Goal, GuestSpec, StepName};
use phoenix_engine::{Caution, Halt, Journal, Outcome, Taken, Walk};
use phoenix_fake_proxmox::{Entry, Settings, ledger};
use phoenix_hypervisor::proxmox::Proxmox;
use phoenix_hypervisor::{Hand, Lock};
use phoenix_testkit::pve::PveNode;

/// How many guests a worker has in hand.
const HANDS: usize = 8;

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

/// How slow the programs of a node are.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// As fast as the double is.
    AtOnce,
    /// As slow as real ones were.
    Natural,
}

/// A made-up node, and its driver.
pub(crate) struct Site {
    pub(crate) pve: PveNode,
    host: Proxmox,
}

impl Site {
    /// Makes a node with what the guests of the scenes need.
    pub(crate) fn new(pace: Pace) -> Arc<Self> {
        let pve = PveNode::new(&Settings::default());
        for feature in ["base", "driver", "python", "vllm", "chat", "agent"] {
            pve.feature(feature);
        }
        pve.script("app.sh", "#!/bin/sh\nset -eu\necho \"$PHOENIX_GUEST\" > /opt/application\n");
        let host = Proxmox::open(&pve.node()).unwrap();
        let site = Self { pve, host };
        site.pace(pace);
        Arc::new(site)
    }

    /// Makes the programs of the node as slow as this from now on.
    pub(crate) fn pace(&self, pace: Pace) {
        let latency = match pace {
            Pace::AtOnce => Settings::default().latency,
            Pace::Natural => Settings::natural().latency,
        };
        let settings = Settings { latency, ..self.pve.world.settings().unwrap() };
        self.pve.world.set(&settings).unwrap();
    }

    /// Walks once, with nothing tried again; returns the number of changes.
    pub(crate) async fn arrive(&self, want: &GuestSpec) -> u32 {
        let lock = self.pve.node().run_dir.join(format!("{}.lock", want.vmid));
        let lock = Lock::try_take(&lock).unwrap();
        let hand = Hand::holding([&lock]);
        let way = Goal::Present.way(want, None);
        let walk = Walk {
            want,
            way: &way,
            host: &self.host,
            journal: &Silent,
            hand: &hand,
            caution: Caution::None,
            patience: ExponentialBuilder::default().with_max_times(0),
        };
        match walk.go().await {
            Outcome::Arrived { changes, .. } => changes,
            outcome @ (Outcome::Halted { .. } | Outcome::Stuck { .. }) => {
                panic!("{} did not arrive: {outcome:?}", want.vmid)
            }
        }
    }

    /// Walks all of them, so many at a time as a worker does; returns the number of changes.
    pub(crate) async fn arrive_all(self: &Arc<Self>, wants: &[Arc<GuestSpec>]) -> u32 {
        let walks = wants.iter().map(|want| {
            let (site, want) = (Arc::clone(self), Arc::clone(want));
            async move { tokio::spawn(async move { site.arrive(&want).await }).await.unwrap() }
        });
        let changes = futures_util::stream::iter(walks).buffer_unordered(HANDS);
        changes.fold(0, async |sum, changes| sum + changes).await
    }

    /// Returns how often something was noted of programs that were started.
    pub(crate) fn mark(&self) -> usize {
        ledger(self.pve.world.root()).unwrap().len()
    }

    /// Returns what was noted since a mark.
    pub(crate) fn since(&self, mark: usize) -> Vec<Entry> {
        ledger(self.pve.world.root()).unwrap().split_off(mark)
    }
}
