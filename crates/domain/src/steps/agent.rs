//! Waits until the agent in a machine answers: nothing inside can be asked before.

use crate::{Change, Facets, GuestSpec, Phase, Plan, Refusal, Seen, Step, StepName};

/// Waits for the agent.
pub(super) struct Agent;

impl Step for Agent {
    fn name(&self) -> StepName {
        StepName::WaitForGuestAgent
    }

    fn reaches(&self) -> Phase {
        Phase::Running
    }

    fn needs(&self) -> Facets {
        Facets::Inside
    }

    fn plan(&self, _want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        let answers = seen.inside()?.agent_answers;
        Ok(if answers { Plan::nothing() } else { Plan::from(Change::AwaitAgent) })
    }
}
