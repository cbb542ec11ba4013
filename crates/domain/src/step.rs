//! The steps a guest is taken through.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Body, GuestSpec, Phase, Seal, VolumeSource};

/// The name of a step, as people see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
}

/// A step of one guest's way, and the phase it is in once the step is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub name: StepName,
    /// The phase once nothing is left for it to change.
    pub reaches: Phase,
}

impl GuestSpec {
    /// Returns the steps this guest is taken through; those with nothing to do for it are left out.
    pub fn way(&self) -> Vec<Step> {
        use Phase::{Completed, Configured, Created, Customizing, Running};
        use StepName as S;
        let has_volumes = self.volumes.iter().any(|volume| match volume.source {
            VolumeSource::Storage { .. } | VolumeSource::Host { .. } => true,
            // A machine mounts it by itself, once it runs.
            VolumeSource::Nfs { .. } => false,
        });
        let steps = match self.body {
            Body::Container(_) => [
                (S::EnsureContainerDefined, Created, true),
                (S::ApplyConfigurations, Configured, true),
                (S::ApplyVolumes, Configured, has_volumes),
                (S::EnsureContainerDiskSize, Configured, true),
                (S::StartContainer, Running, true),
                (S::ApplyFeatures, Customizing, !self.features.is_empty()),
                (S::RunApplicationScript, Customizing, self.application_script.is_some()),
                (S::RunHealthCheck, Completed, true),
                (S::CreateTemplateSnapshot, Completed, self.seal.is_some()),
            ]
            .to_vec(),
            Body::Machine(_) => [
                (S::EnsureVmDefined, Created, true),
                (S::ApplyVmConfigurations, Configured, true),
                (S::StartVm, Running, true),
                (S::WaitForGuestAgent, Running, true),
                (S::ApplyVmFeatures, Customizing, !self.features.is_empty()),
                (
                    S::CreateVmSnapshot,
                    Completed,
                    self.seal.as_ref().is_some_and(Seal::has_snapshot),
                ),
                (S::FinaliseTemplate, Completed, matches!(self.seal, Some(Seal::Template { .. }))),
            ]
            .to_vec(),
        };
        steps
            .into_iter()
            .filter(|(_, _, has_work)| *has_work)
            .map(|(name, reaches, _)| Step { name, reaches })
            .collect()
    }
}

impl Seal {
    /// Says whether a snapshot is part of it.
    pub fn has_snapshot(&self) -> bool {
        match self {
            Self::Snapshot(_) => true,
            Self::Template { snapshot } => snapshot.is_some(),
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
        })
    }
}
