//! Takes a guest through its steps: look, plan, apply, look again.
//!
//! A step is safe to take any number of times, and so is a walk: it trusts no record of what was
//! done, only what it sees. That makes the first provisioning, a resumption after a crash and a
//! repair the same code.

mod error;
mod journal;
mod walk;

pub use error::StepError;
pub use journal::{Halt, Journal, Taken};
pub use walk::{Caution, Outcome, Walk};
