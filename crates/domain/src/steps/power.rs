//! Stops a guest, or starts it anew, because somebody asked for just that.

use crate::{BootId, Change, GuestSpec, Phase, Plan, Refusal, Run, Seen, Step, StepName};

/// Stops the guest.
pub(crate) struct Stop;

/// Starts the guest anew, once for each time it is asked.
pub(crate) struct Restart {
    /// The boot that was running when the restart was begun; absent where none was.
    pub(crate) before: Option<BootId>,
}

impl Step for Stop {
    fn name(&self) -> StepName {
        StepName::StopGuest
    }

    fn reaches(&self) -> Phase {
        Phase::Configured
    }

    fn plan(&self, _want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        Ok(match seen.ours()?.run {
            Run::Stopped => Plan::nothing(),
            Run::Running | Run::RunningStale => Plan::from(Change::Stop),
        })
    }
}

impl Step for Restart {
    fn name(&self) -> StepName {
        StepName::RestartGuest
    }

    fn reaches(&self) -> Phase {
        Phase::Running
    }

    fn plan(&self, _want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        let guest = seen.ours()?;
        Ok(match guest.run {
            Run::Stopped => Plan::from(Change::Start),
            // It runs, but not since then: whoever was killed had made the restart already.
            Run::Running | Run::RunningStale if guest.boot != self.before => Plan::nothing(),
            Run::Running | Run::RunningStale => Plan::from(Change::Restart),
        })
    }
}
