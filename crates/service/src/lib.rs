//! What every long-running program does: telling what it does, and ending well.

mod causes;
mod shutdown;
mod telemetry;

pub use causes::chain;
pub use shutdown::on_signal;
pub use telemetry::{LogFormat, tell};
