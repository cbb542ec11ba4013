//! What every long-running program does: telling what it does, and ending well.

mod shutdown;
mod telemetry;

pub use shutdown::on_signal;
pub use telemetry::{LogFormat, tell};
