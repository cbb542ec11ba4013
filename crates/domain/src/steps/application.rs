//! Runs the script that sets up the application, once for each version of it.

use crate::{Change, Facets, GuestSpec, Phase, Plan, Refusal, Seen, Step, StepName};

/// Runs the application script.
pub(super) struct Application;

impl Step for Application {
    fn name(&self) -> StepName {
        StepName::RunApplicationScript
    }

    fn reaches(&self) -> Phase {
        Phase::Customizing
    }

    fn concerns(&self, want: &GuestSpec) -> bool {
        want.application_script.is_some()
    }

    fn needs(&self) -> Facets {
        Facets::Inside
    }

    fn plan(&self, want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        let have = seen.inside()?.application.as_ref();
        Ok(want
            .application_script
            .iter()
            .filter(|script| have != Some(*script))
            .map(|script| Change::RunApplicationScript { script: script.clone() })
            .collect())
    }
}
