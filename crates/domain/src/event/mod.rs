//! The facts that are told about a guest, and the envelope they travel in.

mod envelope;
mod fact;
mod fold;

pub use envelope::{Event, EventId, Unreadable};
pub use fact::{
    Blocked, CancelRequested, Cancelled, Claimed, Completed, DeadLettered, EventKind, Fact, Failed,
    Obstacle, RepairRequested, Requested, RetryWait, StepFailed, StepTaken,
};
