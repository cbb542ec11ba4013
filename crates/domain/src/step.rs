//! The steps a guest is taken through.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    Facets, GibiBytes, GuestSpec, Irreplaceable, NoWayBack, Phase, Plan, Seal, Seen, SnapshotName,
    Verdict, Vmid,
};

/// The name of a step, as people see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StepName {
    /// Make the container.
    EnsureContainerDefined,
    /// Set its properties.
    ApplyConfigurations,
    /// Attach its volumes and directories.
    ApplyVolumes,
    /// Grow its root disk.
    EnsureContainerDiskSize,
    /// Start it.
    StartContainer,
    /// Install its features.
    ApplyFeatures,
    /// Run its application script.
    RunApplicationScript,
    /// Wait until it is healthy.
    RunHealthCheck,
    /// Leave a snapshot or template for its children.
    CreateTemplateSnapshot,
    /// Make the machine.
    EnsureVmDefined,
    /// Set its properties.
    ApplyVmConfigurations,
    /// Start it.
    StartVm,
    /// Wait until its agent answers.
    WaitForGuestAgent,
    /// Install its features.
    ApplyVmFeatures,
    /// Take its snapshot.
    CreateVmSnapshot,
    /// Clean it and turn it into a template.
    FinaliseTemplate,
    /// Take over what somebody else made.
    AdoptGuest,
    /// Stop it.
    StopGuest,
    /// Start it anew.
    RestartGuest,
    /// Start what it serves anew.
    RestartServices,
    /// Have its application set up once more.
    ReapplyApplication,
    /// Set it aside, so that it is made again.
    SetGuestAside,
    /// Remove it.
    RemoveGuest,
    /// Keep what it is until the new has held.
    KeepWayBack,
    /// Wait until the new has held for a while.
    HoldHealth,
    /// Keep what it was no longer.
    DropWayBack,
    /// Go back to what it was.
    ReturnToSnapshot,
}

/// A step of a guest's way: it compares what is wanted with what is seen, and does nothing itself.
pub trait Step: Send + Sync {
    /// Returns its name.
    fn name(&self) -> StepName;

    /// Returns the phase the guest is in once nothing is left for this step to change.
    fn reaches(&self) -> Phase;

    /// Returns whether it can ever have something to do for this guest.
    fn concerns(&self, _want: &GuestSpec) -> bool {
        true
    }

    /// Returns how closely it has to look. Looking inside costs a process.
    fn needs(&self) -> Facets {
        Facets::Config
    }

    /// Returns the changes that separate what is seen from what is wanted.
    fn plan(&self, want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal>;

    /// Returns how long that must hold before the step counts as taken.
    fn holds(&self, _seen: &Seen) -> Option<Duration> {
        None
    }
}

impl<S: Step + ?Sized> Step for &S {
    fn name(&self) -> StepName {
        (**self).name()
    }

    fn reaches(&self) -> Phase {
        (**self).reaches()
    }

    fn concerns(&self, want: &GuestSpec) -> bool {
        (**self).concerns(want)
    }

    fn needs(&self) -> Facets {
        (**self).needs()
    }

    fn plan(&self, want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        (**self).plan(want, seen)
    }

    fn holds(&self, seen: &Seen) -> Option<Duration> {
        (**self).holds(seen)
    }
}

/// Why a step will not plan anything.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// The guest was there a step ago.
    #[error("the guest is gone")]
    Gone,
    /// It was to be started, stopped or taken over, and nobody has made it.
    #[error("there is no such guest on the host")]
    NotThere,
    /// What it is cloned from is not ready.
    #[error("its parent {parent} cannot be cloned yet")]
    ParentNotReady {
        /// The parent.
        parent: Vmid,
    },
    /// Its number is taken by a guest without our mark.
    #[error("the number belongs to a guest without the mark of this cell")]
    NotOurs,
    /// Somebody has forbidden its removal on the host.
    #[error("the host protects the guest from being removed")]
    Protected,
    /// It is not to be made again in place of what there is.
    #[error("the guest is not made again: {0}")]
    Irreplaceable(Irreplaceable),
    /// It could not be put back.
    #[error("the guest could not go back to what it is: {0}")]
    NoWayBack(NoWayBack),
    /// Disks grow and never shrink.
    #[error("{what} has {have} and cannot shrink to {want}")]
    WouldShrink {
        /// Which disk.
        what: String,
        /// Its size.
        have: GibiBytes,
        /// The size that is wanted.
        want: GibiBytes,
    },
    /// Something is fixed when a guest is made.
    #[error("{what} is {have} and cannot become {want}")]
    Fixed {
        /// What.
        what: &'static str,
        /// How it is.
        have: String,
        /// How it is wanted.
        want: String,
    },
}

impl Refusal {
    /// Returns what to do about it.
    pub fn verdict(&self) -> Verdict {
        match self {
            // Somebody removed it between two looks; the next walk makes it again.
            Self::Gone | Self::ParentNotReady { .. } => Verdict::Retry,
            Self::NotThere
            | Self::NotOurs
            | Self::Protected
            | Self::Irreplaceable(_)
            | Self::NoWayBack(_)
            | Self::WouldShrink { .. }
            | Self::Fixed { .. } => Verdict::AskHuman,
        }
    }

    /// Returns what a human can do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Gone => "see who else removes guests on this host",
            Self::NotThere => "submit it, so that it is made",
            Self::ParentNotReady { .. } => "submit the parent; this guest goes on by itself",
            Self::NotOurs => {
                "`phoenix adopt` takes it over, also where only its mark was lost; or give this guest another number"
            }
            Self::Protected => {
                "take the protection away (`pct set ID --protection 0`) and ask again"
            }
            Self::Irreplaceable(why) => why.advice(),
            Self::NoWayBack(why) => why.advice(),
            Self::WouldShrink { .. } => "ask for at least the size there is",
            Self::Fixed { .. } => {
                "ask for what there is, or remove the guest so that it is made anew"
            }
        }
    }
}

impl Seal {
    /// Returns the snapshot that is part of it.
    pub fn snapshot(&self) -> Option<&SnapshotName> {
        match self {
            Self::Snapshot(name) => Some(name),
            Self::Template { snapshot } => snapshot.as_ref(),
        }
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::EnsureContainerDefined => "ensure_container_defined",
            Self::ApplyConfigurations => "apply_configurations",
            Self::ApplyVolumes => "apply_volumes",
            Self::EnsureContainerDiskSize => "ensure_container_disk_size",
            Self::StartContainer => "start_container",
            Self::ApplyFeatures => "apply_features",
            Self::RunApplicationScript => "run_application_script",
            Self::RunHealthCheck => "run_health_check",
            Self::CreateTemplateSnapshot => "create_template_snapshot",
            Self::EnsureVmDefined => "ensure_vm_defined",
            Self::ApplyVmConfigurations => "apply_vm_configurations",
            Self::StartVm => "start_vm",
            Self::WaitForGuestAgent => "wait_for_guest_agent",
            Self::ApplyVmFeatures => "apply_vm_features",
            Self::CreateVmSnapshot => "create_vm_snapshot",
            Self::FinaliseTemplate => "finalise_template",
            Self::AdoptGuest => "adopt_guest",
            Self::StopGuest => "stop_guest",
            Self::RestartGuest => "restart_guest",
            Self::RestartServices => "restart_services",
            Self::ReapplyApplication => "reapply_application",
            Self::SetGuestAside => "set_guest_aside",
            Self::RemoveGuest => "remove_guest",
            Self::KeepWayBack => "keep_way_back",
            Self::HoldHealth => "hold_health",
            Self::DropWayBack => "drop_way_back",
            Self::ReturnToSnapshot => "return_to_snapshot",
        })
    }
}
