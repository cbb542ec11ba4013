//! What every long-running program does: telling what it does, and ending well.

mod files;
mod log;
mod shutdown;
mod started;
mod supervisor;

pub use files::open_as_many_files_as_may_be;
pub use log::{LogArgs, LogError, LogFormat};
pub use shutdown::on_signal;
pub use started::Started;
pub use supervisor::Supervisor;
