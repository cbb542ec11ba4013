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
        let mut changes = Vec::new();
        if !guest.is_clean {
            // Whoever stopped it may not have been us: nothing says that it was cleaned before.
            if guest.run == Run::Stopped {
                changes.extend([Change::Start, Change::AwaitAgent]);
            }
            changes.push(Change::CleanForTemplate);
        }
        if guest.run != Run::Stopped || !guest.is_clean {
            changes.push(Change::Stop);
        }
        changes.push(Change::ConvertToTemplate { contents: want.contents() });
        Ok(changes.into_iter().collect())
    }
}
