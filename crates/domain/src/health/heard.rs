//! What the watch over a cell is told.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Ground, IncidentId, Maintenance, Means, Mode, Probe, Process, Reading, Rung};
use crate::{BridgeName, GuestKey, Hostname, NodeName, StorageId, Vmid};

/// What the watch over a cell is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// A guest, as its log has it now.
    Guest(Box<Patient>),
    /// A guest that is not there any more.
    Gone(GuestKey),
    /// All guests there are have been named since the watch began: what was kept of others goes.
    AllNamed,
    /// What a probe of a guest found.
    Reading {
        /// The guest.
        guest: GuestKey,
        /// The name of the probe.
        probe: std::sync::Arc<str>,
        /// What it found.
        reading: Reading,
    },
    /// What the worker sees of the process behind a probe.
    Process {
        /// The guest.
        guest: GuestKey,
        /// The name of the probe.
        probe: std::sync::Arc<str>,
        /// What it sees.
        process: Process,
    },
    /// Where the services of a guest answer, where that is not at its own address. It is kept for whoever
    /// goes on.
    Elsewhere {
        /// The guest.
        guest: GuestKey,
        /// The address of each feature.
        at: BTreeMap<String, String>,
    },
    /// How a host is; to be told every 10 seconds, and before what is found of its guests.
    Host(Box<HostFacts>),
    /// What a human orders.
    Human(Word),
    /// What became of a repair.
    Outcome {
        /// The order.
        order: Order,
        /// What became of it.
        outcome: Outcome,
    },
    /// How the monitor itself is; to be told every few seconds.
    Monitor(SelfCheck),
    /// Time has passed. Only this makes the watch act by itself.
    Tick,
}

/// A guest that is watched over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patient {
    /// Its key.
    pub guest: GuestKey,
    /// Its name.
    pub name: Hostname,
    /// The host it lives on.
    pub host: NodeName,
    /// The GPUs it uses.
    pub gpus: Vec<u8>,
    /// The bridges it is connected to.
    pub bridges: Vec<BridgeName>,
    /// The storages its disks lie on.
    pub storages: Vec<StorageId>,
    /// The guest it was cloned from.
    pub template: Option<Vmid>,
    /// The guests it needs.
    pub dependencies: Vec<GuestKey>,
    /// What may be done to it.
    pub means: Means,
    /// What its file says is done about findings, unless a human says otherwise.
    pub mode: Option<Mode>,
    /// What it is asked; a guest without probes is only known by name.
    pub probes: Vec<Probe>,
    /// Whether anybody expects it to serve.
    pub duty: Duty,
    /// When it was last started, where that is known.
    pub started: Option<DateTime<Utc>>,
}

/// Whether anybody expects a guest to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Duty {
    /// It is to serve.
    Serves,
    /// A worker is at it, or it was never finished: whatever is found now is no surprise.
    AtWork,
    /// It is to stand still.
    Rests,
}

/// How a host is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFacts {
    /// Which.
    pub host: NodeName,
    /// Whether it says anything.
    pub is_alive: bool,
    /// What its worker finds of it.
    pub facts: Facts,
}

/// What of a host is not as it should be, as its worker finds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// GPUs that are gone or broken.
    pub broken_gpus: Vec<u8>,
    /// Bridges that are down or not there.
    pub broken_bridges: Vec<BridgeName>,
    /// Storages that are not there, or full.
    pub broken_storages: Vec<StorageId>,
    /// Guests that are being backed up, moved or the like.
    pub busy: Vec<GuestKey>,
}

/// What a human orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "word", rename_all = "kebab-case")]
pub enum Word {
    /// Nothing is repaired for a while.
    Maintenance(Maintenance),
    /// That is over.
    EndMaintenance {
        /// Its name.
        id: Box<str>,
    },
    /// Nothing is repaired any more.
    OpenBreaker {
        /// Who says so.
        by: String,
        /// Why.
        why: String,
    },
    /// Repairs go on.
    CloseBreaker {
        /// Who says so.
        by: String,
        /// Why.
        why: String,
    },
    /// What is done about findings.
    Mode {
        /// For this guest; for all that have none of their own, where absent.
        guest: Option<GuestKey>,
        /// What.
        mode: Mode,
    },
    /// The incident is seen.
    Ack {
        /// Which.
        incident: IncidentId,
        /// By whom.
        by: String,
        /// What they say about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// It is not: nobody is at it.
    TakeBackAck {
        /// Which.
        incident: IncidentId,
        /// Who says so.
        by: String,
    },
    /// This guest is to be repaired, whatever the budget and the breaker say.
    Repair {
        /// Which.
        guest: GuestKey,
        /// How; as the ladder has it, where absent.
        rung: Option<Rung>,
        /// Who says so.
        by: String,
    },
}

/// A repair that is wanted. Its three parts name it: whoever has done it once does not do it again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Order {
    /// The guest.
    pub guest: GuestKey,
    /// The incident it belongs to.
    pub incident: IncidentId,
    /// What is to be done.
    pub rung: Rung,
    /// Which time, counted over the incident, the first being 1.
    pub number: u32,
}

/// What became of a repair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", content = "because", rename_all = "kebab-case")]
pub enum Outcome {
    /// It is done; whether it helped is another matter.
    Done,
    /// It could not be done.
    Failed(String),
    /// Whoever was to do it found that it should not be done any more.
    Refused(String),
}

/// How the monitor itself is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelfCheck {
    /// How late its probes are.
    pub lag: TimeDelta,
    /// How far behind it is in what the bus has for it.
    pub bus_lag: TimeDelta,
    /// How many probes it made lately.
    pub asked: u32,
    /// How many of those timed out.
    pub timed_out: u32,
}

impl Patient {
    /// Returns how much it counts among the guests that are watched.
    pub(super) fn weight(&self) -> usize {
        usize::from(self.duty != Duty::Rests && !self.probes.is_empty())
    }

    /// Returns what it stands on, except for other guests.
    pub(super) fn seats(&self) -> impl Iterator<Item = Ground> + '_ {
        let host = &self.host;
        let bridges =
            self.bridges.iter().map(|bridge| Ground::Bridge(host.clone(), bridge.clone()));
        let storages =
            self.storages.iter().map(|storage| Ground::Storage(host.clone(), storage.clone()));
        let gpus = self.gpus.iter().map(|index| Ground::Gpu(host.clone(), *index));
        let template = self.template.map(Ground::Template);
        std::iter::once(Ground::Host(host.clone()))
            .chain(bridges)
            .chain(storages)
            .chain(gpus)
            .chain(template)
    }

    /// Returns all it stands on.
    pub(super) fn grounds(&self) -> impl Iterator<Item = Ground> + '_ {
        self.seats().chain(self.dependencies.iter().copied().map(Ground::Guest))
    }
}

impl HostFacts {
    /// Returns what is wrong with it.
    pub(super) fn broken(&self) -> impl Iterator<Item = Ground> + '_ {
        let Self { host, facts, .. } = self;
        let alive = (!self.is_alive).then(|| Ground::Host(host.clone()));
        let gpus = facts.broken_gpus.iter().map(|index| Ground::Gpu(host.clone(), *index));
        let bridges =
            facts.broken_bridges.iter().map(|bridge| Ground::Bridge(host.clone(), bridge.clone()));
        let storages = facts
            .broken_storages
            .iter()
            .map(|storage| Ground::Storage(host.clone(), storage.clone()));
        alive.into_iter().chain(gpus).chain(bridges).chain(storages)
    }
}
