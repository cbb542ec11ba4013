//! `phoenix-worker`: the worker of one host.

use std::process::ExitCode;

use clap::Parser;
use phoenix_worker::{CHANGE_VERB, Settings, SimChange};

/// Takes the jobs of one host and makes its guests as they should be.
#[derive(Parser)]
#[command(name = "phoenix-worker", version)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
}

/// What it starts itself as, for one change of a simulated host.
#[derive(Parser)]
enum Child {
    /// Make one change of a simulated host
    SimChange(SimChange),
}

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|verb| verb == CHANGE_VERB) {
        let Child::SimChange(change) = Child::parse();
        return change.run();
    }
    phoenix_worker::main(Cli::parse().settings)
}
