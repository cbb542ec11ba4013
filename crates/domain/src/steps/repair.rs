//! Repairs what a guest serves, from within. Each is made once for each time it is asked.

use crate::{BootId, Change, Facets, GuestSpec, Phase, Plan, Refusal, Seen, Step, StepName};

/// Starts what the guest serves anew.
pub(crate) struct RestartServices {
    /// The repair that was made last when this one was begun; absent where none was.
    pub(crate) before: Option<BootId>,
}

/// Has the application of the guest set up once more.
pub(crate) struct Reapply {
    /// The repair that was made last when this one was begun; absent where none was.
    pub(crate) before: Option<BootId>,
}

impl Step for RestartServices {
    fn name(&self) -> StepName {
        StepName::RestartServices
    }

    fn reaches(&self) -> Phase {
        Phase::Completed
    }

    fn needs(&self) -> Facets {
        Facets::Inside
    }

    fn plan(&self, _want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        once(seen, self.before.as_ref(), Change::RestartServices)
    }
}

impl Step for Reapply {
    fn name(&self) -> StepName {
        StepName::ReapplyApplication
    }

    fn reaches(&self) -> Phase {
        Phase::Customizing
    }

    fn needs(&self) -> Facets {
        Facets::Inside
    }

    fn plan(&self, _want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        once(seen, self.before.as_ref(), Change::ForgetApplication)
    }
}

/// Returns the repair, unless another one than `before` was made since: whoever was killed had made
/// it already.
fn once(seen: &Seen, before: Option<&BootId>, repair: Change) -> Result<Plan, Refusal> {
    seen.ours()?;
    let is_to_come = seen.inside()?.repaired.as_ref() == before;
    Ok(if is_to_come { Plan::from(repair) } else { Plan::nothing() })
}
