//! `phoenix`, the single entry point: it composes the services' libraries.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use phoenix_submitter::{AFTER_HELP, ColorChoice};

/// Provisions the AI workloads of Proxmox hosts from three JSON files.
#[derive(Debug, Parser)]
#[command(name = "phoenix", version, after_help = AFTER_HELP, propagate_version = true)]
struct Phoenix {
    #[command(subcommand)]
    verb: Verb,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    color: ColorChoice,
}

#[derive(Debug, Subcommand)]
enum Verb {
    #[command(flatten)]
    Operator(Box<phoenix_submitter::Command>),
}

fn main() -> ExitCode {
    match Phoenix::try_parse() {
        Ok(Phoenix { verb: Verb::Operator(command), color }) => {
            phoenix_submitter::run(*command, color, Phoenix::command())
        }
        Err(err) => phoenix_submitter::refuse_usage(&err),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_makes_sense() {
        Phoenix::command().debug_assert();
    }
}
