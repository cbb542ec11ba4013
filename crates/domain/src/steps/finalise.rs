//! Turns a machine into a template that no two clones share anything secret of.

use crate::{Change, GuestSpec, Phase, Plan, Refusal, Run, Seal, Seen, Step, StepName};

/// Cleans a machine and turns it into a template.
pub(super) struct Finalise;

impl Step for Finalise {
    fn name(&self) -> StepName {
        StepName::FinaliseTemplate
    }

    fn reaches(&self) -> Phase {
        Phase::Completed
    }

    fn concerns(&self, want: &GuestSpec) -> bool {
        matches!(want.seal, Some(Seal::Template { .. }))
    }

    fn plan(&self, want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        let guest = seen.guest()?;
        if guest.template.is_some() {
            return Ok(Plan::nothing());
        }
        let convert = Change::ConvertToTemplate { contents: want.contents() };
        Ok(match guest.run {
            // It was cleaned before it was stopped: stopping is the next change after cleaning.
            Run::Stopped => Plan::from(convert),
            Run::Running | Run::RunningStale => {
                Plan::from_iter([Change::CleanForTemplate, Change::Stop, convert])
            }
        })
    }
}
