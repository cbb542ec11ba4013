//! The facts that are told about a guest, and the envelope they travel in.

mod envelope;
mod fact;
mod fold;

pub use envelope::{Event, EventId, Unreadable};
pub use fact::{
    Answered, Blocked, CancelRequested, Cancelled, Claimed, Completed, DeadLettered, Drifted,
    EventKind, Fact, Failed, Obstacle, RepairRequested, Requested, RestartBegun, RetryWait,
    ReturnBegun, StepFailed, StepTaken,
};
