//! `cargo xtask`: the tasks of the repository. `cargo xtask help` lists them.

mod bench;
mod configuration;
mod debian;
mod demo;
mod docs;
mod events;
mod feature;
mod fuzz;
mod law;
mod links;
mod lint;
mod machine;
mod manifests;
mod package;
mod page;
mod process;
mod say;
mod schemas;
mod servers;
mod tally;
mod test;
mod tools;
mod torture;
mod upgrade;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::builder::FalseyValueParser;
use clap::{Parser, Subcommand};

use crate::say::say;
use crate::workspace::{Strictness, Workspace};

/// The tasks of the repository
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    /// Take `Cargo.lock` as committed and run all tests whatever fails
    #[arg(long, global = true, env = "CI", value_parser = FalseyValueParser::new())]
    ci: bool,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Start everything on a simulated host and bring up guest 950
    Demo(demo::Demo),
    /// Run every test; installs what it needs
    Test(test::Test),
    /// Run every check that is not a test
    Lint(lint::Lint),
    /// Write the JSON Schemas of the configuration files
    Schemas(schemas::Schemas),
    /// Write man pages and shell completions to target/docs
    Docs,
    /// Run programs of an older revision beside those of today
    Upgrade(upgrade::Upgrade),
    /// Make the Debian packages
    Package(package::Package),
    /// Feed the loader made-up input
    Fuzz(fuzz::Fuzz),
    /// Try a feature in a real container
    #[command(subcommand)]
    Feature(feature::Feature),
    /// Make what the tests' virtual machines are made of, and say where it is
    Machine,
    /// Unpack the real servers that probes are tested against, and say where they are
    Servers,
    /// Unpack the browser that the page is tested in, and say where it is
    Browser,
    /// Unpack the Prometheus that metrics and rules are tested with, and say where it is
    Prometheus,
    /// Do to the programs what happens to programs, and look whether all they promise holds
    Torture(torture::Torture),
    /// Measure
    #[command(subcommand)]
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            say(format_args!("error: {err:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    let workspace = Workspace::enter(if cli.ci { Strictness::Ci } else { Strictness::AtTheDesk })?;
    match cli.task {
        Task::Demo(task) => task.run(&workspace),
        Task::Test(task) => task.run(&workspace),
        Task::Lint(task) => task.run(&workspace),
        Task::Schemas(task) => task.run(&workspace),
        Task::Docs => docs::run(&workspace),
        Task::Upgrade(task) => task.run(&workspace),
        Task::Package(task) => task.run(&workspace),
        Task::Fuzz(task) => task.run(&workspace),
        Task::Feature(task) => task.run(&workspace),
        Task::Machine => {
            let kit = machine::kit(&workspace)?;
            say(format_args!("PHOENIX_MACHINE_KIT={}", std::path::absolute(kit)?.display()));
            Ok(())
        }
        Task::Browser => {
            let browser = std::path::absolute(servers::browser(&workspace)?)?;
            say(format_args!("PHOENIX_BROWSER={}", browser.display()));
            Ok(())
        }
        Task::Prometheus => {
            let prometheus = std::path::absolute(servers::prometheus(&workspace)?)?;
            say(format_args!("PHOENIX_PROMETHEUS={}", prometheus.display()));
            Ok(())
        }
        Task::Servers => {
            let servers = std::path::absolute(servers::for_tests(&workspace)?)?;
            let llama = std::path::absolute(tools::LLAMA.ensure(&workspace)?)?;
            say(format_args!("PHOENIX_SERVERS={}", servers.display()));
            say(format_args!("PHOENIX_LLAMA_PYTHON={}", llama.display()));
            Ok(())
        }
        Task::Torture(task) => task.run(&workspace),
        Task::Bench(task) => task.run(&workspace),
    }
}
