//! `phoenix-health-monitor`: watches whether the guests of a cell really serve.

use std::process::ExitCode;

use clap::Parser;
use phoenix_health_monitor::Settings;

/// Watches whether services really serve, and asks for their repair.
#[derive(Parser)]
#[command(name = "phoenix-health-monitor", version)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
}

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    phoenix_health_monitor::main(Cli::parse().settings)
}
