//! What may be typed. The comments here are the help texts.

#![expect(clippy::doc_markdown, reason = "help texts are no Markdown")]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use phoenix_domain::Vmid;

use crate::output::ColorChoice;

const EXIT_CODES: &str = "\
Exit codes:
  0   done, nothing wrong
  1   it could not be done
  3   the configuration is refused
  5   there is no such guest
  64  the command line makes no sense

Environment:
  PHOENIX_CONFIG_DIR  where the configuration is, unless --config says so
  NO_COLOR            no colours, whatever the terminal can do";

/// Provisions the AI workloads of Proxmox hosts from three JSON files.
///
/// This version reads, checks and plans; it does not touch any host yet.
#[derive(Debug, Parser)]
#[command(name = "phoenix", version, after_help = EXIT_CODES, propagate_version = true)]
pub(crate) struct Phoenix {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: ColorChoice,
}

/// Submits guests and everything they stand on; the same as `phoenix submit`.
#[derive(Debug, Parser)]
#[command(name = "phoenix-submit", version, after_help = EXIT_CODES)]
pub(crate) struct PhoenixSubmit {
    #[command(flatten)]
    pub(crate) args: SubmitArgs,
    /// When to use colours
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: ColorChoice,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check the configuration and say everything that is wrong with it
    Check(CheckArgs),
    /// Show what would be done for guests, in which order, and what would be published
    Plan(PlanArgs),
    /// Submit guests and everything they stand on
    Submit(SubmitArgs),
    /// Look at the configuration as Phoenix understands it
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Explain the code of a finding
    Explain(ExplainArgs),
    /// Print the JSON Schema of a file
    Schema(SchemaArgs),
    /// Print a completion script for a shell
    Completion(CompletionArgs),
    /// Write the man pages into a folder
    Man(ManArgs),
}

/// Where the configuration is.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// Folder with the three files; else ./, /etc/phoenix or /usr/local/phoenix_hypervisor/etc
    #[arg(long, short = 'c', value_name = "DIR", env = "PHOENIX_CONFIG_DIR", value_hint = ValueHint::DirPath)]
    pub(crate) config: Option<PathBuf>,
    /// Facts of the host; else inventory.json beside the files, if it is there
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) inventory: Option<PathBuf>,
    /// Folder with features of your own, besides /etc/phoenix/features
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) features: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Only what concerns these guests, the guests they stand on, and the host
    #[arg(value_name = "ID", value_parser = vmid)]
    pub(crate) guests: Vec<Vmid>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// How to print what was found
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: CheckFormat,
    /// End with code 3 on warnings too
    #[arg(long)]
    pub(crate) deny_warnings: bool,
    /// Leave out notes
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// For people, with the line and a mark below it
    #[default]
    Text,
    /// One JSON document
    Json,
    /// SARIF 2.1.0, for code hosts
    Sarif,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The guests
    #[arg(value_name = "ID", required = true, value_parser = vmid)]
    pub(crate) guests: Vec<Vmid>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// How to print the plan
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: PlanFormat,
    /// Print the guests and what they stand on as a graph
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with = "output")]
    pub(crate) graph: Option<GraphFormat>,
}

/// How a plan is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanFormat {
    /// For people
    #[default]
    Text,
    /// One JSON document, with every job as it would be published
    Json,
}

/// How a graph is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// Graphviz
    Dot,
}

#[derive(Debug, Args)]
pub(crate) struct SubmitArgs {
    /// The guests
    #[arg(value_name = "ID", required = true, value_parser = vmid)]
    pub(crate) guests: Vec<Vmid>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Show what would be published and publish nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show guests with every default filled in, and where each value comes from
    Show(ShowArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The guests; without any, all
    #[arg(value_name = "ID", value_parser = vmid)]
    pub(crate) guests: Vec<Vmid>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// How to print them
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: ShowFormat,
}

/// How guests are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShowFormat {
    /// One line a value, with its origin
    #[default]
    Text,
    /// One JSON document, with the origins
    Json,
    /// The guests alone, in the form of the configuration files
    Config,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The code, such as PHX0301; without one, all codes are listed
    #[arg(value_name = "CODE")]
    pub(crate) code: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// The file
    #[arg(value_enum, value_name = "FILE")]
    pub(crate) file: SchemaOf,
}

/// The files that have a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// phoenix_lxc_configs.json
    Lxc,
    /// phoenix_vm_configs.json
    Vm,
    /// phoenix_hypervisor_config.json
    Hypervisor,
    /// inventory.json
    Inventory,
    /// feature.json
    Feature,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
    /// Complete phoenix-submit instead of phoenix
    #[arg(long)]
    pub(crate) for_submit: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The folder; it is made if it is not there
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folder: PathBuf,
}

fn vmid(text: &str) -> Result<Vmid, String> {
    text.parse().map_err(|err: phoenix_domain::Refused| err.rule.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_lines_make_sense() {
        Phoenix::command().debug_assert();
        PhoenixSubmit::command().debug_assert();
    }
}
