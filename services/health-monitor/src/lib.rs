//! Checks whether services really serve and asks for their repair.
//!
//! [`probes`] ask one service one question; [`schedule`] says whose turn it is; `channels` call people. What follows from the
//! readings is decided in `phoenix_domain::health`.

mod channels;
mod error;
mod monitor;
mod over;
pub mod probes;
mod program;
pub mod schedule;
mod settings;
mod wanted;

pub use error::MonitorError;
pub use monitor::run;
pub use program::main;
pub use settings::Settings;
