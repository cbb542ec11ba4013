//! Whom the engine tells what it does, and who may stop it.

use std::time::Duration;

use phoenix_domain::{Change, Phase, StepName};

/// Hears what the engine does, and is asked before every change.
pub trait Journal: Send + Sync {
    /// Says whether the change may be made. Nothing is changed after a refusal.
    fn before(
        &self,
        step: StepName,
        change: &Change,
    ) -> impl Future<Output = Result<(), Halt>> + Send;

    /// Says whether the walk may go on where nothing is changed for a while.
    fn goes_on(&self) -> impl Future<Output = Result<(), Halt>> + Send {
        std::future::ready(Ok(()))
    }

    /// Hears that a change failed and is tried again soon.
    fn stumbled(&self, step: StepName, change: &Change, why: &str, after: Duration);

    /// Hears that a step was taken.
    fn taken(&self, taken: Taken) -> impl Future<Output = Result<(), Halt>> + Send;
}

/// A step that was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// The step.
    pub step: StepName,
    /// The phase the guest is in now.
    pub phase: Phase,
    /// What was changed.
    pub changes: Vec<Change>,
    /// How long it took.
    pub took: Duration,
}

/// Why a walk must not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// Somebody asked to stop.
    Cancelled,
    /// Something else is wanted now.
    Superseded,
    /// Somebody else holds the guest.
    Fenced,
    /// The worker is to end.
    ShuttingDown,
}
