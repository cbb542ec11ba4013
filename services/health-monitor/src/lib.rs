//! Checks whether services really serve and asks for their repair.
//!
//! [`probes`] ask one service one question; [`schedule`] says whose turn it is. What follows from the
//! readings is decided in `phoenix_domain::health`.

pub mod probes;
pub mod schedule;
