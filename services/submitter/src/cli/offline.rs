//! What may be typed where no server is asked. The comments here are the help texts.

use phoenix_bus::NatsArgs;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use phoenix_domain::{NodeName, Vmid};

/// Where the configuration is.
#[derive(Clone, Debug, Args)]
pub(crate) struct ConfigArgs {
    /// Folder with the three files; else ./, /etc/phoenix or /usr/local/phoenix_hypervisor/etc
    #[arg(long, short = 'c', value_name = "DIR", env = "PHOENIX_CONFIG_DIR", value_hint = ValueHint::DirPath)]
    pub(crate) config: Option<PathBuf>,
    /// Facts of the host; else inventory.json beside the files, if it is there
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) inventory: Option<PathBuf>,
    /// Folder with features of your own, besides /etc/phoenix/features
    #[arg(long, value_name = "DIR", env = "PHOENIX_FEATURES", value_delimiter = ':', value_hint = ValueHint::DirPath)]
    pub(crate) features: Vec<PathBuf>,
}

/// What `check` takes.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Only what concerns these guests, the guests they stand on, and the host
    #[arg(value_name = "ID", value_parser = super::vmid)]
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

/// What `plan` takes.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The guests
    #[arg(value_name = "ID", required = true, value_parser = super::vmid)]
    pub(crate) guests: Vec<Vmid>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// How to print the plan
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: PlanFormat,
    /// Print the guests and what they stand on as a graph; no host is asked for that
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with = "output")]
    pub(crate) graph: Option<GraphFormat>,
    /// Ask no host what is there, and plan from the files alone
    #[arg(long)]
    pub(crate) offline: bool,
    /// End with code 2 where something would be changed
    #[arg(long, conflicts_with_all = ["graph", "offline"])]
    pub(crate) exit_code: bool,
    /// Host of the guests whose configuration names none
    #[arg(long, value_name = "NAME", value_parser = super::words::node)]
    pub(crate) host: Option<NodeName>,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
}

/// How a plan is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanFormat {
    /// For people
    #[default]
    Text,
    /// One JSON document, with every job as it would be published, and what workers foresee
    Json,
}

/// How a graph is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// Graphviz
    Dot,
}

/// The verbs of `config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show guests with every default filled in, and where each value comes from
    Show(ShowArgs),
}

/// What `config show` takes.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The guests; without any, all
    #[arg(value_name = "ID", value_parser = super::vmid)]
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

/// How an explanation is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExplainFormat {
    /// For people
    #[default]
    Text,
    /// One block of Markdown, for a ticket
    Md,
    /// One JSON document
    Json,
}

/// What `explain` takes.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A guest or a run, an incident, or a code such as PHX0301; without one, all codes are listed
    #[arg(value_name = "ID|RUN|INCIDENT|CODE")]
    pub(crate) what: Option<String>,
    /// How to print it
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: ExplainFormat,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
}

/// What `schema` takes.
#[derive(Debug, Args)]
pub struct SchemaArgs {
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
    /// The file that `phoenix-health-monitor --channels` takes
    Channels,
    /// The file that `phoenix serve --hooks` takes
    Webhooks,
}

/// What `completion` takes.
#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
    /// Complete phoenix-submit instead of phoenix
    #[arg(long)]
    pub(crate) for_submit: bool,
}

/// What `man` takes.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The folder; it is made if it is not there
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folder: PathBuf,
}
