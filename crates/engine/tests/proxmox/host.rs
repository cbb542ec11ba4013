//! A made-up node and walks on it.

use std::collections::BTreeSet;
use std::time::Duration;

use backoff::ExponentialBuilder;
use phoenix_domain::{Begun, Change, Facets, Goal, GuestSpec, Refusal, Seen, StepName, foresee};
use phoenix_engine::{Caution, Halt, Journal, Outcome, Taken, Walk};
use phoenix_hypervisor::proxmox::Proxmox;
use phoenix_hypervisor::{Hand, Hypervisor, Lock};
use phoenix_testkit::pve::PveNode;

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

/// A made-up node, and its driver.
pub(crate) struct Site {
    pub(crate) pve: PveNode,
    pub(crate) host: Proxmox,
}

/// What will be done to a guest, by its driver's word.
pub(crate) struct Foretold {
    pub(crate) changes: Vec<Change>,
    pub(crate) commands: BTreeSet<String>,
    pub(crate) refusal: Option<Refusal>,
}

pub(crate) fn site() -> Site {
    let pve = PveNode::default();
    let host = Proxmox::open(&pve.node()).unwrap();
    Site { pve, host }
}

impl Site {
    pub(crate) async fn walk(&self, want: &GuestSpec) -> Outcome {
        self.walk_to(want, Goal::Present, 0).await
    }

    /// Walks once; what fails in passing is tried that often again.
    pub(crate) async fn walk_to(&self, want: &GuestSpec, goal: Goal, again: usize) -> Outcome {
        let patience = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(1))
            .with_max_delay(Duration::from_millis(5))
            .with_max_times(again);
        let lock = self.pve.node().run_dir.join(format!("{}.lock", want.vmid));
        let lock = self.lock(&lock).await;
        let hand = Hand::holding([&lock]);
        let way = goal.way(want, Some(&Begun::foretold(None)));
        let host = &self.host;
        let walk = Walk {
            want,
            way: &way,
            host,
            journal: &Silent,
            hand: &hand,
            caution: Caution::None,
            patience,
        };
        walk.go().await
    }

    /// Takes the lock of a guest, as a worker does: a change that outlives who began it holds it.
    async fn lock(&self, path: &std::path::Path) -> Lock {
        loop {
            match Lock::try_take(path) {
                Ok(lock) => return lock,
                Err(_) => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        }
    }

    /// Walks, and is surprised by anything but an arrival; returns the number of changes.
    #[expect(clippy::panic, reason = "what did not arrive should stop the test")]
    pub(crate) async fn arrive(&self, want: &GuestSpec) -> u32 {
        match self.walk(want).await {
            Outcome::Arrived { changes, .. } => changes,
            outcome @ (Outcome::Halted { .. } | Outcome::Stuck { .. }) => {
                panic!("{} did not arrive: {outcome:?}", want.vmid)
            }
        }
    }

    pub(crate) async fn look(&self, want: &GuestSpec) -> Seen {
        self.host.look(want, Facets::Inside).await.unwrap()
    }

    /// Says what a walk would do. Nothing is started for that.
    pub(crate) async fn foretell(&self, want: &GuestSpec, goal: Goal) -> Foretold {
        let (ahead, refused) =
            foresee(want, &goal.way(want, Some(&Begun::foretold(None))), &self.look(want).await);
        let commands = self.host.commands(want, &ahead);
        Foretold {
            changes: ahead.into_iter().map(|ahead| ahead.change).collect(),
            commands: commands.into_iter().flatten().collect(),
            refusal: refused.map(|(_, refusal)| refusal),
        }
    }

    /// Returns what a piece of work has started, one line a process.
    pub(crate) fn since(&self, mark: u64) -> Vec<String> {
        self.pve.commands(mark)
    }

    pub(crate) fn mark(&self) -> u64 {
        self.pve.mark()
    }

    /// Returns the ids of all volumes there are.
    pub(crate) fn volumes(&self) -> BTreeSet<String> {
        self.pve.world.volumes().unwrap().into_iter().map(|volume| volume.id).collect()
    }
}
