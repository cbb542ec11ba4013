//! `phoenix`, the single entry point: it composes the services' libraries.

mod feature;
mod orchestrator;
mod sim;
mod up;

use std::io::Write as _;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use phoenix_submitter::{AFTER_HELP, ColorChoice};
use phoenix_worker::{Settings, SimChange};

use crate::feature::Feature;
use crate::orchestrator::Orchestrator;
use crate::sim::Sim;
use crate::up::Up;

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
    /// Look at features, make one of your own, and try it in a container
    #[command(subcommand)]
    Feature(Feature),
    /// Run NATS, a worker and a health monitor here, until Ctrl-C
    Up(Up),
    /// Work on the guests of one host; the same as phoenix-worker
    Worker(Box<Settings>),
    /// Watch over the guests of a cell; the same as phoenix-health-monitor
    Monitor(Box<phoenix_health_monitor::Settings>),
    /// Look at a simulated host, and break it; or make a node that looks like Proxmox
    Sim(Sim),
    /// Understand what was typed before there was `phoenix`
    #[command(hide = true)]
    Orchestrator(Orchestrator),
    /// Make one change of a simulated host
    #[command(hide = true)]
    SimChange(SimChange),
}

fn main() -> ExitCode {
    // The programs of a node that looks like Proxmox are links to this one.
    let argv: Vec<_> = std::env::args_os().collect();
    if phoenix_fake_proxmox::is_called(&argv) {
        return phoenix_fake_proxmox::main(argv);
    }
    run(Phoenix::try_parse())
}

fn run(typed: Result<Phoenix, clap::Error>) -> ExitCode {
    match typed {
        Ok(Phoenix { verb: Verb::Operator(command), color }) => {
            phoenix_submitter::run(*command, color, Phoenix::command())
        }
        Ok(Phoenix { verb: Verb::Feature(feature), color }) => feature.run(color),
        Ok(Phoenix { verb: Verb::Up(up), .. }) => up.run(),
        Ok(Phoenix { verb: Verb::Worker(settings), .. }) => phoenix_worker::main(*settings),
        Ok(Phoenix { verb: Verb::Monitor(settings), .. }) => {
            phoenix_health_monitor::main(*settings)
        }
        Ok(Phoenix { verb: Verb::Sim(sim), .. }) => sim.run(),
        Ok(Phoenix { verb: Verb::SimChange(change), .. }) => change.run(),
        Ok(Phoenix { verb: Verb::Orchestrator(old), .. }) => match old.today() {
            Ok(typed) => {
                run(Phoenix::try_parse_from(std::iter::once("phoenix".to_owned()).chain(typed)))
            }
            Err(why) => {
                let err = Phoenix::command().error(ErrorKind::InvalidValue, why);
                phoenix_submitter::refuse_usage(&err)
            }
        },
        Err(err) => phoenix_submitter::refuse_usage(&err),
    }
}

/// Says something to the person in front.
fn say(text: &str) {
    // Where nobody listens any more, there is nobody to tell.
    drop(writeln!(std::io::stderr(), "{text}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_makes_sense() {
        Phoenix::command().debug_assert();
    }
}
