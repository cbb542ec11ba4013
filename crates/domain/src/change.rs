//! What separates what is from what is wanted.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    AbsolutePath, Disk, FeatureName, FileName, GibiBytes, Origin, Property, Run, RunId,
    SnapshotName, SpecDigest, Volume,
};

/// One change of a guest. It names a state to be in, never a difference, so that doing it twice is
/// doing it once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Make the guest, and mark it as ours.
    Create {
        /// From what.
        origin: Origin,
        /// With which root disk.
        root_disk: Disk,
        /// Whether root inside is nobody outside; absent for machines.
        unprivileged: Option<bool>,
        /// With these properties at once. A clone has those of its parent but for these.
        properties: Vec<Property>,
    },
    /// Take away what a creation that was cut off has left.
    RemoveHalfMade,
    /// Give it these properties; those not named stay as they are.
    SetProperties {
        /// The properties that differ.
        to: Vec<Property>,
    },
    /// Mount this into it.
    Attach {
        /// What and where.
        volume: Volume,
    },
    /// Mount it no longer; the volume itself stays.
    Detach {
        /// Where it is mounted.
        place: AbsolutePath,
    },
    /// Grow a volume.
    GrowVolume {
        /// Where it is mounted.
        place: AbsolutePath,
        /// To this size.
        to: GibiBytes,
    },
    /// Grow the root disk.
    GrowRootDisk {
        /// To this size.
        to: GibiBytes,
    },
    /// Start it.
    Start,
    /// Start it anew, so that what waits for a restart takes effect.
    Restart,
    /// Stop it.
    Stop,
    /// Wait until the agent in it answers.
    AwaitAgent,
    /// Install a feature.
    InstallFeature {
        /// Which.
        feature: FeatureName,
    },
    /// Set up the service by which a feature serves what the guest is for.
    SetUpService {
        /// The feature.
        feature: FeatureName,
    },
    /// Run its application script.
    RunApplicationScript {
        /// Which.
        script: FileName,
    },
    /// Start what it serves anew.
    RestartServices,
    /// Forget that its application was set up, so that this is done once more.
    ForgetApplication,
    /// Wait until what it offers answers.
    AwaitHealthy,
    /// Take a snapshot.
    TakeSnapshot {
        /// Its name.
        name: SnapshotName,
        /// What others may count on finding in it, where it is made for being cloned.
        contents: Option<SpecDigest>,
    },
    /// Remove a snapshot.
    RemoveSnapshot {
        /// Its name.
        name: SnapshotName,
    },
    /// Go back to a snapshot: the guest stands still then, and is what it was.
    RollBack {
        /// Its name.
        name: SnapshotName,
    },
    /// Forget what only one guest may have: host keys, machine id, Cloud-Init's memory.
    CleanForTemplate,
    /// Turn it into a template.
    ConvertToTemplate {
        /// What others may count on finding in it.
        contents: SpecDigest,
    },
    /// Put our mark on it, as somebody else made it.
    Adopt,
    /// Give it another number, under which it stands still and is nobody's any more. The volumes that
    /// are kept for its old number stay with that.
    SetAside {
        /// For whom.
        by: RunId,
        /// When.
        at: DateTime<Utc>,
    },
    /// Remove it with its root disk and its snapshots.
    Destroy {
        /// The volumes that go with it; all others stay.
        volumes: Vec<Volume>,
    },
}

/// What a change costs whoever uses the guest; the dearest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Impact {
    /// Nothing: the guest goes on meanwhile.
    Live,
    /// It is started anew.
    Restart,
    /// What its clones are made from is made anew.
    Rebuild,
    /// Something is gone that was stored.
    DataLoss,
}

impl fmt::Display for Impact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Live => "live",
            Self::Restart => "restart",
            Self::Rebuild => "rebuild",
            Self::DataLoss => "data loss",
        })
    }
}

impl Change {
    /// Says whether something is gone afterwards that only a human can bring back.
    pub fn is_destructive(&self) -> bool {
        match self {
            Self::RemoveHalfMade
            | Self::RemoveSnapshot { .. }
            | Self::RollBack { .. }
            | Self::CleanForTemplate
            | Self::SetAside { .. }
            | Self::Destroy { .. } => true,
            Self::Create { .. }
            | Self::SetProperties { .. }
            | Self::Attach { .. }
            | Self::Detach { .. }
            | Self::GrowVolume { .. }
            | Self::GrowRootDisk { .. }
            | Self::Start
            | Self::Restart
            | Self::Stop
            | Self::AwaitAgent
            | Self::InstallFeature { .. }
            | Self::SetUpService { .. }
            | Self::RunApplicationScript { .. }
            | Self::RestartServices
            | Self::ForgetApplication
            | Self::AwaitHealthy
            | Self::TakeSnapshot { .. }
            | Self::ConvertToTemplate { .. }
            | Self::Adopt => false,
        }
    }

    /// Says whether it only waits, and leaves the guest as it is.
    pub fn is_wait(&self) -> bool {
        match self {
            Self::AwaitAgent | Self::AwaitHealthy => true,
            Self::Create { .. }
            | Self::RemoveHalfMade
            | Self::SetProperties { .. }
            | Self::Attach { .. }
            | Self::Detach { .. }
            | Self::GrowVolume { .. }
            | Self::GrowRootDisk { .. }
            | Self::Start
            | Self::Restart
            | Self::Stop
            | Self::InstallFeature { .. }
            | Self::SetUpService { .. }
            | Self::RunApplicationScript { .. }
            | Self::RestartServices
            | Self::ForgetApplication
            | Self::TakeSnapshot { .. }
            | Self::RemoveSnapshot { .. }
            | Self::RollBack { .. }
            | Self::CleanForTemplate
            | Self::ConvertToTemplate { .. }
            | Self::Adopt
            | Self::SetAside { .. }
            | Self::Destroy { .. } => false,
        }
    }

    /// Returns what it costs whoever uses a guest that runs like this.
    pub fn impact(&self, run: Run) -> Impact {
        let is_running = run != Run::Stopped;
        match self {
            Self::SetProperties { to } if is_running && to.iter().any(Property::needs_restart) => {
                Impact::Restart
            }
            Self::Detach { .. } if is_running => Impact::Restart,
            Self::Restart | Self::Stop | Self::RollBack { .. } => Impact::Restart,
            Self::RemoveHalfMade | Self::RemoveSnapshot { .. } | Self::CleanForTemplate => {
                Impact::Rebuild
            }
            Self::SetAside { .. } | Self::Destroy { .. } => Impact::DataLoss,
            Self::Create { .. }
            | Self::SetProperties { .. }
            | Self::Attach { .. }
            | Self::Detach { .. }
            | Self::GrowVolume { .. }
            | Self::GrowRootDisk { .. }
            | Self::Start
            | Self::AwaitAgent
            | Self::InstallFeature { .. }
            | Self::SetUpService { .. }
            | Self::RunApplicationScript { .. }
            | Self::RestartServices
            | Self::ForgetApplication
            | Self::AwaitHealthy
            | Self::TakeSnapshot { .. }
            | Self::ConvertToTemplate { .. }
            | Self::Adopt => Impact::Live,
        }
    }
}

/// Names each kind of change, once.
macro_rules! kinds {
    ($($variant:ident => $name:literal,)*) => {
        impl Change {
            /// The short names of all kinds of change.
            pub const KINDS: &[&'static str] = &[$($name,)*];

            /// Returns the short name of the kind of change, as faults and ledgers call it.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $name,)*
                }
            }
        }
    };
}

kinds! {
    Create => "create",
    RemoveHalfMade => "remove-half-made",
    SetProperties => "set-properties",
    Attach => "attach",
    Detach => "detach",
    GrowVolume => "grow-volume",
    GrowRootDisk => "grow-root-disk",
    Start => "start",
    Restart => "restart",
    Stop => "stop",
    AwaitAgent => "await-agent",
    InstallFeature => "install-feature",
    SetUpService => "set-up-service",
    RunApplicationScript => "run-application-script",
    RestartServices => "restart-services",
    ForgetApplication => "forget-application",
    AwaitHealthy => "await-healthy",
    TakeSnapshot => "take-snapshot",
    RemoveSnapshot => "remove-snapshot",
    RollBack => "roll-back",
    CleanForTemplate => "clean-for-template",
    ConvertToTemplate => "convert-to-template",
    Adopt => "adopt",
    SetAside => "set-aside",
    Destroy => "destroy",
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { origin: Origin::Clone { parent }, .. } => {
                write!(f, "create it as a clone of {parent}")
            }
            Self::Create { origin: Origin::Template { archive }, .. } => {
                write!(f, "create it from {archive}")
            }
            Self::Create { origin: Origin::CloudImage { image }, .. } => {
                write!(f, "create it from {image}")
            }
            Self::RemoveHalfMade => f.write_str("remove what a creation cut off has left"),
            Self::SetProperties { to } => {
                f.write_str("set")?;
                for (nth, property) in to.iter().enumerate() {
                    write!(f, "{} {}", if nth == 0 { "" } else { "," }, property.kind())?;
                }
                Ok(())
            }
            Self::Attach { volume } => write!(f, "attach {}", volume.place),
            Self::Detach { place } => write!(f, "detach {place}"),
            Self::GrowVolume { place, to } => write!(f, "grow {place} to {to}"),
            Self::GrowRootDisk { to } => write!(f, "grow the root disk to {to}"),
            Self::Start => f.write_str("start it"),
            Self::Restart => f.write_str("restart it"),
            Self::Stop => f.write_str("stop it"),
            Self::AwaitAgent => f.write_str("wait for its agent"),
            Self::InstallFeature { feature } => write!(f, "install {feature}"),
            Self::SetUpService { feature } => write!(f, "set up what {feature} serves"),
            Self::RunApplicationScript { script } => write!(f, "run {script}"),
            Self::RestartServices => f.write_str("restart what it serves"),
            Self::ForgetApplication => f.write_str("forget that its application was set up"),
            Self::AwaitHealthy => f.write_str("wait until it is healthy"),
            Self::TakeSnapshot { name, .. } => write!(f, "take the snapshot {name}"),
            Self::RemoveSnapshot { name } => write!(f, "remove the snapshot {name}"),
            Self::RollBack { name } => write!(f, "go back to the snapshot {name}"),
            Self::CleanForTemplate => f.write_str("clean it for its clones"),
            Self::ConvertToTemplate { .. } => f.write_str("turn it into a template"),
            Self::Adopt => f.write_str("take it over"),
            Self::SetAside { .. } => f.write_str("set it aside, and keep its volumes"),
            Self::Destroy { volumes } if volumes.is_empty() => {
                f.write_str("remove it, and keep its volumes")
            }
            Self::Destroy { volumes } => {
                f.write_str("remove it, and with it what is stored at")?;
                for (nth, volume) in volumes.iter().enumerate() {
                    write!(f, "{} {}", if nth == 0 { "" } else { "," }, volume.place)?;
                }
                Ok(())
            }
        }
    }
}

/// The changes that separate what is from what is wanted, in the order in which they are made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan(Vec<Change>);

impl Plan {
    /// Returns the plan of a guest that is as wanted.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Says whether nothing is left to do.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the changes in order.
    pub fn changes(&self) -> &[Change] {
        &self.0
    }
}

impl From<Change> for Plan {
    fn from(change: Change) -> Self {
        Self(vec![change])
    }
}

impl FromIterator<Change> for Plan {
    fn from_iter<I: IntoIterator<Item = Change>>(changes: I) -> Self {
        Self(changes.into_iter().collect())
    }
}
