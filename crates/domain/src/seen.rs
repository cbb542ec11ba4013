//! What a look at the host can tell.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    Disk, FeatureName, FileName, GibiBytes, Property, Refusal, RunId, SnapshotName, SpecDigest,
    Vmid, Volume,
};

/// How closely to look. Each one costs more than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Facets {
    /// The config of the guest and whether it runs.
    Config,
    /// Inside of it as well: receipts, services, the agent.
    Inside,
}

/// What a look at one guest told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// The guest, when there is one with this number.
    pub guest: Option<SeenGuest>,
    /// Whether the guest it is cloned from can be cloned.
    pub parent: SeenParent,
    /// What a clone of that guest begins with; absent where the host does not tell.
    pub inheritance: Option<Inheritance>,
    /// Volumes of a guest with this number that are mounted no longer, as they will be found again.
    pub kept: Vec<Volume>,
    /// The numbers of guests that had this one before, by the runs that set them aside.
    pub aside: BTreeMap<RunId, Vmid>,
}

/// What a clone begins with, before anything is done to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Inheritance {
    /// The properties of what it is cloned from.
    pub properties: Vec<Property>,
    /// Whether root inside is nobody outside; absent for machines.
    pub unprivileged: Option<bool>,
    /// The size of the root disk.
    pub root_disk: GibiBytes,
    /// The volumes that are copied with it.
    pub volumes: Vec<Volume>,
}

/// What a look told about the guest another is cloned from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SeenParent {
    /// It is not there, or has nothing to be cloned from yet.
    #[default]
    NotReady,
    /// It can be cloned.
    Ready,
}

/// Who made a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    /// It bears our mark.
    Phoenix,
    /// It does not, so it is never touched.
    Somebody,
}

/// Whether the creation of a guest came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Made {
    /// It was cut off.
    Half,
    /// It did.
    Whole,
}

/// Whether a guest runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Run {
    /// It does not.
    Stopped,
    /// It does.
    Running,
    /// It does, and something that was set waits for a restart.
    RunningStale,
}

/// Names one boot of a guest, or one repair in it: another one has another name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct BootId(String);

impl BootId {
    /// Takes what a host tells boots apart by.
    pub fn new(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Whether what a guest offers answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// It does, or nothing is expected to.
    Healthy,
    /// It does not; why.
    Ailing(String),
}

/// A guest as it is.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and any may hold")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenGuest {
    /// Who made it.
    pub owner: Owner,
    /// Whether its creation came to its end.
    pub made: Made,
    /// Whether it runs.
    pub run: Run,
    /// Which of its boots is running; absent while it stands still.
    pub boot: Option<BootId>,
    /// The addresses it has, those given by DHCP included; empty while it stands still.
    pub addresses: Vec<IpAddr>,
    /// What the host keeps about it.
    pub properties: Vec<Property>,
    /// Whether root inside is nobody outside; absent for machines.
    pub unprivileged: Option<bool>,
    /// The root disk.
    pub root_disk: Disk,
    /// What is mounted into it.
    pub volumes: Vec<Volume>,
    /// The snapshots there are, and what those made for being cloned hold.
    pub snapshots: BTreeMap<SnapshotName, Option<SpecDigest>>,
    /// What it holds as a template; absent when it is none.
    pub template: Option<SpecDigest>,
    /// What it was cloned from; absent where it was not, or nobody remembers.
    #[serde(default)]
    pub parent: Option<Vmid>,
    /// Whether the host refuses to remove it or a volume of it.
    #[serde(default)]
    pub is_protected: bool,
    /// Whether its mounts and interfaces wait for a restart as well: the host cannot change those
    /// of a guest that runs.
    #[serde(default)]
    pub is_rigid: bool,
    /// Whether it was cleaned for its clones, and not started since.
    #[serde(default)]
    pub is_clean: bool,
    /// Whether its snapshots hold its volumes as well.
    #[serde(default)]
    pub freezes_volumes: bool,
    /// What a look inside told; absent when the look did not go there.
    pub inside: Option<Inside>,
}

/// The inside of a guest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inside {
    /// Features with a receipt for the recipe this worker has.
    pub features: BTreeSet<FeatureName>,
    /// Features that are in it, its own or inherited, whose recipe was another one when they were
    /// installed.
    #[serde(default)]
    pub outdated: BTreeSet<FeatureName>,
    /// The feature with such a receipt for what it serves here.
    #[serde(default)]
    pub service: Option<FeatureName>,
    /// The application script with such a receipt.
    pub application: Option<FileName>,
    /// What tells the last repair that was made in it from every other one; absent where none was.
    #[serde(default)]
    pub repaired: Option<BootId>,
    /// Whether its agent answers; containers need none.
    pub agent_answers: bool,
    /// Whether what it offers answers.
    pub health: Health,
}

impl Seen {
    /// Returns the guest, or the refusal to work on one that is not there.
    pub fn guest(&self) -> Result<&SeenGuest, Refusal> {
        self.guest.as_ref().ok_or(Refusal::Gone)
    }

    /// Returns the guest if it is ours, or the refusal to touch it.
    pub fn ours(&self) -> Result<&SeenGuest, Refusal> {
        let guest = self.guest()?;
        match guest.owner {
            Owner::Phoenix => Ok(guest),
            Owner::Somebody => Err(Refusal::NotOurs),
        }
    }

    /// Returns the inside of the guest, or the refusal to judge it from outside.
    pub fn inside(&self) -> Result<&Inside, Refusal> {
        self.guest()?.inside.as_ref().ok_or(Refusal::Gone)
    }
}

impl SeenGuest {
    /// Says whether others can be cloned from it, and find what they count on.
    pub fn is_sealed(&self, snapshot: Option<&SnapshotName>, contents: &SpecDigest) -> bool {
        match snapshot {
            Some(name) => self.snapshots.get(name).and_then(Option::as_ref) == Some(contents),
            None => self.template.as_ref() == Some(contents),
        }
    }
}
