//! What every long-running program does: telling what it does, and ending well.

mod files;
mod shutdown;
mod started;
mod supervisor;
mod telemetry;

pub use files::open_as_many_files_as_may_be;
pub use shutdown::on_signal;
pub use started::Started;
pub use supervisor::Supervisor;
pub use telemetry::{LogFormat, tell};
