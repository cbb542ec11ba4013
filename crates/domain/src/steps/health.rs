//! Waits until what the guest offers answers.

use crate::{Change, Facets, GuestSpec, Health, Phase, Plan, Refusal, Seen, Step, StepName};

/// Waits for health.
pub(super) struct Healthy;

impl Step for Healthy {
    fn name(&self) -> StepName {
        StepName::RunHealthCheck
    }

    fn reaches(&self) -> Phase {
        Phase::Completed
    }

    fn needs(&self) -> Facets {
        Facets::Inside
    }

    fn plan(&self, _want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        Ok(match seen.inside()?.health {
            Health::Healthy => Plan::nothing(),
            Health::Ailing(_) => Plan::from(Change::AwaitHealthy),
        })
    }
}
