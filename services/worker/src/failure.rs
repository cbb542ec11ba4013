//! A step that could not be taken: what is told of that, and what is typed once it is mended.

use phoenix_bus::Pen;
use phoenix_domain::{Failure, Refusal, Remedy, StepFailed, StepName, chain};
use phoenix_engine::StepError;
use phoenix_hypervisor::HostError;
use tracing::warn;

use crate::context::now;

/// Says that a step could not be taken, and returns why.
pub(crate) fn tell(pen: &Pen, step: StepName, err: &StepError) -> String {
    let what = chain(err);
    warn!(%step, %what, "step failed");
    let failure = Failure {
        step: Some(step),
        change: err.change().map(ToString::to_string),
        what: what.clone(),
        advice: err.advice().map(str::to_owned),
        output: err.output().map(str::to_owned),
        verdict: err.verdict(),
        remedy: remedy(err),
        at: now(),
    };
    pen.say(StepFailed { failure });
    what
}

/// Returns what is typed once a human has mended this.
fn remedy(err: &StepError) -> Remedy {
    match err {
        StepError::Refused(refusal) => match refusal {
            Refusal::NotThere
            | Refusal::Irreplaceable(_)
            | Refusal::NoWayBack(_)
            | Refusal::WouldShrink { .. }
            | Refusal::Fixed { .. } => Remedy::Submit,
            Refusal::NotOurs => Remedy::Adopt,
            Refusal::Gone | Refusal::ParentNotReady { .. } | Refusal::Protected => Remedy::Retry,
        },
        // What a host will never do is asked for in the file; what is missing is brought along by whoever
        // submits it.
        StepError::Blind(HostError::Impossible { .. } | HostError::NotBrought { .. })
        | StepError::NotMade { err: HostError::Impossible { .. }, .. } => Remedy::Submit,
        StepError::Blind(_)
        | StepError::NotMade { .. }
        | StepError::DidNotHold { .. }
        | StepError::DidNotLast { .. }
        | StepError::WouldDestroy { .. } => Remedy::Retry,
    }
}
