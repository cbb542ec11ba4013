//! `phoenix-worker`: the worker of one host.

use std::process::ExitCode;

use clap::Parser;
use phoenix_worker::Settings;

/// Takes the jobs of one host and makes its guests as they should be.
#[derive(Parser)]
#[command(name = "phoenix-worker", version)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
}

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    phoenix_worker::main(Cli::parse().settings)
}
