//! Starts the guest, or starts it anew where something that was set waits for that.

use crate::{Change, GuestSpec, Phase, Plan, Refusal, Run, Seen, Step, StepName};

/// Starts a container.
pub(super) struct StartContainer;

/// Starts a virtual machine.
pub(super) struct StartMachine;

impl Step for StartContainer {
    fn name(&self) -> StepName {
        StepName::StartContainer
    }

    fn reaches(&self) -> Phase {
        Phase::Running
    }

    fn plan(&self, _want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        plan(seen)
    }
}

impl Step for StartMachine {
    fn name(&self) -> StepName {
        StepName::StartVm
    }

    fn reaches(&self) -> Phase {
        Phase::Running
    }

    fn plan(&self, _want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        plan(seen)
    }
}

fn plan(seen: &Seen) -> Result<Plan, Refusal> {
    Ok(match seen.ours()?.run {
        Run::Running => Plan::nothing(),
        Run::Stopped => Plan::from(Change::Start),
        Run::RunningStale => Plan::from(Change::Restart),
    })
}
