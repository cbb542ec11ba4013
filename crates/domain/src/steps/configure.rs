//! Gives the guest the properties it should have; those of a parent it should not have go.

use crate::{Change, GuestSpec, Phase, Plan, Refusal, Seen, Step, StepName};

use super::root_disk;
use super::volumes;

/// Sets the properties of a container.
pub(super) struct ConfigureContainer;

/// Sets the properties of a machine, its volumes and the size of its disk.
pub(super) struct ConfigureMachine;

impl Step for ConfigureContainer {
    fn name(&self) -> StepName {
        StepName::ApplyConfigurations
    }

    fn reaches(&self) -> Phase {
        Phase::Configured
    }

    fn plan(&self, want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        Ok(properties(want, seen)?.into_iter().collect())
    }
}

impl Step for ConfigureMachine {
    fn name(&self) -> StepName {
        StepName::ApplyVmConfigurations
    }

    fn reaches(&self) -> Phase {
        Phase::Configured
    }

    fn plan(&self, want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        Ok(properties(want, seen)?
            .into_iter()
            .chain(volumes::differences(want, seen)?)
            .chain(root_disk::growth(want, seen)?)
            .collect())
    }
}

/// Returns one change for everything that differs.
fn properties(want: &GuestSpec, seen: &Seen) -> Result<Option<Change>, Refusal> {
    let have = &seen.guest()?.properties;
    let to: Vec<_> =
        want.properties().into_iter().filter(|property| !have.contains(property)).collect();
    Ok((!to.is_empty()).then_some(Change::SetProperties { to }))
}
