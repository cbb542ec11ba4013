//! Sets up what the guest is for: the service that a feature of it renders from the spec, and the
//! operator's own script. Each is run once for each version of it.

use crate::{Change, Facets, GuestSpec, Phase, Plan, Refusal, Seen, Step, StepName};

/// Sets up what serves its model, and runs the application script.
pub(super) struct Application;

impl Step for Application {
    fn name(&self) -> StepName {
        StepName::RunApplicationScript
    }

    fn reaches(&self) -> Phase {
        Phase::Customizing
    }

    fn concerns(&self, want: &GuestSpec) -> bool {
        want.application_script.is_some() || want.server().is_some()
    }

    fn needs(&self) -> Facets {
        Facets::Inside
    }

    fn plan(&self, want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        let have = seen.inside()?;
        let serve = want
            .server()
            .filter(|feature| have.service.as_ref() != Some(feature))
            .map(|feature| Change::SetUpService { feature });
        let run = want
            .application_script
            .as_ref()
            .filter(|script| have.application.as_ref() != Some(*script))
            .map(|script| Change::RunApplicationScript { script: script.clone() });
        Ok(serve.into_iter().chain(run).collect())
    }
}
