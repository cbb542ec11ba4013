//! Sets a guest aside that is to be made again: it gets another number, and nothing of it is destroyed.

use super::create;
use crate::{
    Begun, Change, GuestSpec, Irreplaceable, Made, Owner, Phase, Plan, Refusal, Run, Seen, Step,
    StepName,
};

/// Sets the guest aside, once for each run that asks for it.
pub(crate) struct SetAside {
    /// For whom and when; absent where nobody has begun it.
    pub(crate) begun: Option<Begun>,
}

impl Step for SetAside {
    fn name(&self) -> StepName {
        StepName::SetGuestAside
    }

    fn reaches(&self) -> Phase {
        Phase::Defined
    }

    fn plan(&self, want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        if let Some(why) = want.irreplaceable() {
            return Err(Refusal::Irreplaceable(why));
        }
        let Some(Begun { run, at, .. }) = &self.begun else { return Ok(Plan::nothing()) };
        let Some(guest) = &seen.guest else { return Ok(Plan::nothing()) };
        if seen.aside.contains_key(run) {
            return Ok(Plan::nothing());
        }
        match (guest.owner, guest.made) {
            (Owner::Somebody, _) => return Err(Refusal::NotOurs),
            // What was never made whole has nothing that is worth keeping.
            (Owner::Phoenix, Made::Half) => return Ok(Plan::nothing()),
            (Owner::Phoenix, Made::Whole) if guest.is_protected => return Err(Refusal::Protected),
            (Owner::Phoenix, Made::Whole) => {}
        }
        let is_parent = guest.template.is_some() || guest.snapshots.values().any(Option::is_some);
        if is_parent {
            return Err(Refusal::Irreplaceable(Irreplaceable::Parent));
        }
        // What could not be made again stays where it is.
        create::can_be_made(want, seen)?;
        let stop = (guest.run != Run::Stopped).then_some(Change::Stop);
        let aside = Change::SetAside { by: run.clone(), at: *at };
        Ok(stop.into_iter().chain([aside]).collect())
    }
}
