//! Asks a human where a guest that is only to run, stand still or change hands is not there.

use crate::{Facets, GuestSpec, Phase, Plan, Refusal, Seen, Step, StepName};

/// A step of a way that makes no guest: it waits for none to be made either.
pub(super) struct IfThere<S>(pub(super) S);

impl<S: Step> Step for IfThere<S> {
    fn name(&self) -> StepName {
        self.0.name()
    }

    fn reaches(&self) -> Phase {
        self.0.reaches()
    }

    fn concerns(&self, want: &GuestSpec) -> bool {
        self.0.concerns(want)
    }

    fn needs(&self) -> Facets {
        self.0.needs()
    }

    fn plan(&self, want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        match seen.guest {
            Some(_) => self.0.plan(want, seen),
            None => Err(Refusal::NotThere),
        }
    }
}
