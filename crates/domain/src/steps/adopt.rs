//! Takes over a guest that somebody else made.

use crate::{Change, GuestSpec, Owner, Phase, Plan, Refusal, Seen, Step, StepName};

/// Puts our mark on the guest; the steps after this one make it what its spec says.
pub(crate) struct Adopt;

impl Step for Adopt {
    fn name(&self) -> StepName {
        StepName::AdoptGuest
    }

    fn reaches(&self) -> Phase {
        Phase::Created
    }

    fn plan(&self, _want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        Ok(match seen.guest()?.owner {
            Owner::Somebody => Plan::from(Change::Adopt),
            Owner::Phoenix => Plan::nothing(),
        })
    }
}
