//! What is to become of a guest.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::steps::{
    self, CONTAINER, MACHINE, REAPPLIED_CONTAINER, REPAIRED_MACHINE, RESTARTED_CONTAINER,
    RESTARTED_MACHINE, RUNNING_CONTAINER, RUNNING_MACHINE, Remove, STOPPED, SetAside,
};
use crate::{Body, BootId, GuestSpec, RunId, Step};

/// What is to become of a guest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Goal {
    /// It is there, as its spec says.
    #[default]
    Present,
    /// The same, also where somebody else made it: it is taken over.
    Adopted,
    /// It runs; nothing else about it is changed.
    Running,
    /// It stands still.
    Stopped,
    /// It was started anew since this was asked for.
    Restarted,
    /// It was repaired since this was asked for. Whether that helped is not for who repairs it to say.
    Repaired {
        /// How.
        by: Repair,
    },
    /// It is not there.
    Absent {
        /// What becomes of what it stored.
        volumes: Fate,
    },
}

/// What is done to a guest that is there, and does not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Repair {
    /// What it serves is started anew.
    Service,
    /// The guest is started anew.
    Guest,
    /// Its application is set up once more.
    Application,
    /// It is set aside, and made again from what it was made of.
    Recreate,
}

/// A restart or repair that was begun: whoever goes on with it knows by this whether it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// For whom.
    pub run: RunId,
    /// When a worker took it up.
    pub at: DateTime<Utc>,
    /// What ran then, or what was made last, where it is a repair from within.
    pub before: Option<BootId>,
}

/// What becomes of the volumes of a guest that goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// They stay, and the next guest with this number gets them back.
    Kept,
    /// They go with it.
    Destroyed,
}

impl Begun {
    /// Returns what is not begun, and looked at as if it were.
    pub fn foretold(before: Option<BootId>) -> Self {
        Self { run: RunId::foretold(), at: DateTime::UNIX_EPOCH, before }
    }
}

impl Goal {
    /// Returns the steps that lead there; those that do not concern the guest are left out.
    ///
    /// `begun` says what is known of a restart or repair that was begun; without it, it is to come.
    pub fn way(self, want: &GuestSpec, begun: Option<&Begun>) -> Vec<Box<dyn Step>> {
        let before = || begun.and_then(|begun| begun.before.clone());
        let is_container = matches!(want.body, Body::Container(_));
        let of = |container, machine| if is_container { container } else { machine };
        let (first, rest): (Option<Box<dyn Step>>, &[&'static dyn Step]) = match self {
            Self::Present => (None, of(CONTAINER, MACHINE)),
            Self::Adopted => (Some(steps::adopt()), of(CONTAINER, MACHINE)),
            Self::Running => (None, of(RUNNING_CONTAINER, RUNNING_MACHINE)),
            Self::Stopped => (None, STOPPED),
            Self::Restarted => {
                (Some(steps::restart(before())), of(RESTARTED_CONTAINER, RESTARTED_MACHINE))
            }
            Self::Repaired { by: Repair::Service } => {
                (Some(steps::restart_services(before())), &[])
            }
            Self::Repaired { by: Repair::Guest } => {
                (Some(steps::restart(before())), of(&[], REPAIRED_MACHINE))
            }
            Self::Repaired { by: Repair::Application } => {
                (Some(steps::reapply(before())), of(REAPPLIED_CONTAINER, &[]))
            }
            Self::Repaired { by: Repair::Recreate } => {
                (Some(Box::new(SetAside { begun: begun.cloned() })), of(CONTAINER, MACHINE))
            }
            Self::Absent { volumes } => (Some(Box::new(Remove { volumes })), &[]),
        };
        let rest = rest.iter().map(|step| Box::new(*step) as Box<dyn Step>);
        first.into_iter().chain(rest).filter(|step| step.concerns(want)).collect()
    }

    /// Says whether the guest is there, with what others stand on, once the goal is reached.
    pub fn leaves_a_guest(self) -> bool {
        match self {
            Self::Present
            | Self::Adopted
            | Self::Running
            | Self::Stopped
            | Self::Restarted
            | Self::Repaired { .. } => true,
            Self::Absent { .. } => false,
        }
    }

    /// Says whether something is taken away from the guests that stand on it, so that those have
    /// their turn first.
    pub fn is_downwards(self) -> bool {
        match self {
            Self::Stopped | Self::Absent { .. } => true,
            Self::Present
            | Self::Adopted
            | Self::Running
            | Self::Restarted
            | Self::Repaired { .. } => false,
        }
    }

    /// Says whether it makes the guest what its spec says.
    pub fn is_whole(self) -> bool {
        match self {
            Self::Present | Self::Adopted | Self::Repaired { by: Repair::Recreate } => true,
            Self::Running
            | Self::Stopped
            | Self::Restarted
            | Self::Repaired { by: Repair::Service | Repair::Guest | Repair::Application }
            | Self::Absent { .. } => false,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Present => "present",
            Self::Adopted => "adopted",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Restarted => "restarted",
            Self::Repaired { .. } => "repaired",
            Self::Absent { .. } => "absent",
        })
    }
}

impl Repair {
    /// Returns its name, as it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Guest => "guest",
            Self::Application => "application",
            Self::Recreate => "recreate",
        }
    }
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
