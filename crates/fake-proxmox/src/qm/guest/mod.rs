//! The guest in a made-up machine: what Cloud-Init does at its boot, and the agent that answers.
//!
//! Both are stand-ins. They refuse what the real ones refuse as far as that was observed; what the real
//! agent does is tested with the real one.

mod agent;
mod seed;

pub(super) use self::agent::serve;
pub(super) use self::seed::{Seed, has_agent};
