//! `phoenix-worker`: the worker of one host.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use phoenix_worker::{Settings, SimChange};

/// Takes the jobs of one host and makes its guests as they should be.
#[derive(Parser)]
#[command(name = "phoenix-worker", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    settings: Option<Settings>,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// Make one change of a simulated host
    #[command(hide = true)]
    SimChange(SimChange),
}

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Cli::parse() {
        Cli { verb: Some(Verb::SimChange(change)), .. } => change.run(),
        Cli { settings: Some(settings), .. } => phoenix_worker::main(settings),
        Cli { .. } => ExitCode::from(64),
    }
}
