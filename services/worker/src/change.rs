//! One change of a simulated host, in a process of its own.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use phoenix_hypervisor::simulated::run_change;

/// The verb under which a program makes one change of a simulated host.
pub const CHANGE_VERB: &str = "sim-change";

/// One change of a simulated host.
#[derive(Debug, Args)]
pub struct SimChange {
    /// Where the host lives
    #[arg(long)]
    state: PathBuf,
    /// What is to be done
    #[arg(long)]
    order: String,
}

impl SimChange {
    /// Makes it; what went wrong is the last line on stderr.
    pub fn run(&self) -> ExitCode {
        match run_change(&self.state, &self.order) {
            Ok(()) => ExitCode::SUCCESS,
            Err(not_made) => {
                drop(writeln!(std::io::stderr(), "{not_made}"));
                ExitCode::from(not_made.exit_code())
            }
        }
    }
}
