//! Removes a guest. What it stored stays, unless its volumes were given up by name.

use crate::{
    Change, Fate, GuestSpec, Made, Owner, Phase, Plan, Refusal, Run, Seen, Step, StepName,
};

/// Removes the guest.
pub(crate) struct Remove {
    /// What becomes of its volumes.
    pub(crate) volumes: Fate,
}

impl Step for Remove {
    fn name(&self) -> StepName {
        StepName::RemoveGuest
    }

    fn reaches(&self) -> Phase {
        Phase::Defined
    }

    fn plan(&self, _want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        let Some(guest) = &seen.guest else { return Ok(Plan::nothing()) };
        match (guest.owner, guest.made) {
            (Owner::Somebody, _) => return Err(Refusal::NotOurs),
            (Owner::Phoenix, Made::Half) => return Ok(Plan::from(Change::RemoveHalfMade)),
            (Owner::Phoenix, Made::Whole) if guest.is_protected => return Err(Refusal::Protected),
            (Owner::Phoenix, Made::Whole) => {}
        }
        let own = guest.volumes.iter().filter(|volume| volume.is_own());
        let volumes = match self.volumes {
            Fate::Kept => Vec::new(),
            Fate::Destroyed => own.cloned().collect(),
        };
        let stop = (guest.run != Run::Stopped).then_some(Change::Stop);
        Ok(stop.into_iter().chain([Change::Destroy { volumes }]).collect())
    }
}
