//! What the verbs take that speak with the health monitor. The comments here are the help texts.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use phoenix_bus::NatsArgs;
use phoenix_domain::Vmid;
use phoenix_domain::health::{Mode, Rung};

use super::online::{ListArgs, WhoArgs};
use super::words;

/// What `health` takes.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct HealthArgs {
    #[command(subcommand)]
    pub(crate) verb: Option<HealthCommand>,
    #[command(flatten)]
    pub(crate) look: LookArgs,
}

/// What `health` takes without another word.
#[derive(Debug, Args)]
pub(crate) struct LookArgs {
    /// The guests; without one, all that are watched
    #[arg(value_name = "ID", value_parser = super::vmid)]
    pub(crate) guests: Vec<Vmid>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// What else can be done about health.
#[derive(Debug, Subcommand)]
pub(crate) enum HealthCommand {
    /// Ask a guest now, by each of its probes, and show what came
    Probe(ProbeArgs),
    /// Say what is done about findings
    Mode(ModeArgs),
}

/// What `health probe` takes.
#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    /// The guest
    #[arg(value_name = "ID", value_parser = super::vmid)]
    pub(crate) guest: Vmid,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// What `health mode` takes.
#[derive(Debug, Args)]
pub(crate) struct ModeArgs {
    /// What to do
    #[arg(value_enum)]
    pub(crate) mode: TypedMode,
    /// For this guest; without one, for all that have no mode of their own
    #[arg(value_name = "ID", value_parser = super::vmid)]
    pub(crate) guest: Option<Vmid>,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
}

/// What is done about findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TypedMode {
    /// Judge, and tell nobody
    Off,
    /// Tell
    Observe,
    /// Tell, and say what would be done
    DryRun,
    /// Tell, and repair
    On,
}

impl From<TypedMode> for Mode {
    fn from(mode: TypedMode) -> Self {
        match mode {
            TypedMode::Off => Self::Off,
            TypedMode::Observe => Self::Observe,
            TypedMode::DryRun => Self::DryRun,
            TypedMode::On => Self::On,
        }
    }
}

/// What `incidents` takes.
#[derive(Debug, Args)]
pub struct IncidentsArgs {
    /// Those that are over as well, as long as they are kept
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// What `ack` takes.
#[derive(Debug, Args)]
pub struct AckArgs {
    /// The incident, as `phoenix incidents` names it
    #[arg(value_name = "INCIDENT", value_parser = words::incident)]
    pub(crate) incident: phoenix_domain::health::IncidentId,
    /// What you do about it
    #[arg(long, value_name = "TEXT", conflicts_with = "undo")]
    pub(crate) reason: Option<String>,
    /// Take it back: people are reminded of it again
    #[arg(long)]
    pub(crate) undo: bool,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
    #[command(flatten)]
    pub(crate) who: WhoArgs,
}

/// What can be done about maintenance.
#[derive(Debug, Subcommand)]
pub enum MaintenanceCommand {
    /// Have nothing repaired, and nobody called, for a while; what is found is still told
    Start(MaintainArgs),
    /// Have things repaired again
    End(MaintainedArgs),
    /// List the times of maintenance that are on or to come
    List(MaintenanceListArgs),
}

/// What `maintenance start` takes.
#[derive(Debug, Args)]
pub struct MaintainArgs {
    /// The guest
    #[arg(value_name = "ID", value_parser = super::vmid, required_unless_present_any = ["all", "host"])]
    pub(crate) guest: Option<Vmid>,
    /// All guests of this host
    #[arg(long, value_name = "NAME", value_parser = words::node, conflicts_with = "guest")]
    pub(crate) host: Option<phoenix_domain::NodeName>,
    /// All guests
    #[arg(long, conflicts_with_all = ["guest", "host"])]
    pub(crate) all: bool,
    /// For how long, 24h at most
    #[arg(long = "for", default_value = "1h", value_name = "DURATION", value_parser = words::maintenance)]
    pub(crate) lasting: Duration,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
    #[command(flatten)]
    pub(crate) who: WhoArgs,
}

/// What `maintenance list` takes.
#[derive(Debug, Args)]
pub struct MaintenanceListArgs {
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
}

/// What `maintenance end` takes.
#[derive(Debug, Args)]
pub struct MaintainedArgs {
    /// Its name, as `maintenance list` shows it
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
}

/// What can be done about the breaker.
#[derive(Debug, Subcommand)]
pub enum BreakerCommand {
    /// Have nothing repaired any more, until somebody closes it
    Open(BreakerArgs),
    /// Have things repaired again
    Close(BreakerArgs),
}

/// What `breaker open` and `breaker close` take.
#[derive(Debug, Args)]
pub struct BreakerArgs {
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
    #[command(flatten)]
    pub(crate) who: WhoArgs,
}

/// What `repair` takes.
#[derive(Debug, Args)]
pub struct RepairArgs {
    /// The guest
    #[arg(value_name = "ID", value_parser = super::vmid)]
    pub(crate) guest: Vmid,
    /// How; without it, as the monitor would
    #[arg(long, value_enum, value_name = "RUNG")]
    pub(crate) rung: Option<TypedRung>,
    /// Do not ask before the guest is made again
    #[arg(long, short)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
    #[command(flatten)]
    pub(crate) who: WhoArgs,
}

/// What `channels` takes.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ChannelsArgs {
    #[command(subcommand)]
    pub(crate) verb: Option<ChannelsCommand>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// What else can be done about channels.
#[derive(Debug, Subcommand)]
pub(crate) enum ChannelsCommand {
    /// Send a message that is marked as a test, and show what came back
    Test(ChannelArgs),
    /// Forget a channel that is in no file any more, with what it has not told
    Forget(ChannelArgs),
}

/// What verbs take that are about one channel.
#[derive(Debug, Args)]
pub(crate) struct ChannelArgs {
    /// Its name, as `phoenix channels` shows it
    #[arg(value_name = "NAME", value_parser = words::channel)]
    pub(crate) name: phoenix_domain::ChannelName,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
}

/// How a guest is repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TypedRung {
    /// Start what it serves anew
    Service,
    /// Start it anew
    Guest,
    /// Set up its application once more
    Application,
    /// Set it aside under another number, and make it again from its template
    Recreate,
}

impl From<TypedRung> for Rung {
    fn from(rung: TypedRung) -> Self {
        match rung {
            TypedRung::Service => Self::Service,
            TypedRung::Guest => Self::Guest,
            TypedRung::Application => Self::Application,
            TypedRung::Recreate => Self::Recreate,
        }
    }
}
