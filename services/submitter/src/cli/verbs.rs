//! What the verbs take that start, stop and remove guests. The comments here are the help texts.

use clap::Args;
use phoenix_bus::NatsArgs;
use phoenix_domain::{NodeName, Vmid};

use super::offline::ConfigArgs;
use super::online::{ListArgs, LiveArgs, WhoArgs};
use super::words;

/// What `stop` and `restart` take, and with more the other verbs.
#[derive(Debug, Args)]
pub struct PowerArgs {
    /// The guests
    #[arg(value_name = "ID", required = true, value_parser = super::vmid)]
    pub(crate) guests: Vec<Vmid>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Print the run's id and do not follow it
    #[arg(long, short)]
    pub(crate) detach: bool,
    #[command(flatten)]
    pub(crate) live: LiveArgs,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
    #[command(flatten)]
    pub(crate) who: WhoArgs,
}

/// What `start` takes.
#[derive(Debug, Args)]
pub struct StartArgs {
    #[command(flatten)]
    pub(crate) power: PowerArgs,
    /// Host of guests that have to be built first and whose configuration names none
    #[arg(long, value_name = "NAME", value_parser = words::node)]
    pub(crate) host: Option<NodeName>,
}

/// What `delete` takes.
#[derive(Debug, Args)]
pub struct DeleteArgs {
    #[command(flatten)]
    pub(crate) power: PowerArgs,
    /// Remove the guests' volumes as well, with everything stored on them
    #[arg(long)]
    pub(crate) with_volumes: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// What `adopt` takes.
#[derive(Debug, Args)]
pub struct AdoptArgs {
    #[command(flatten)]
    pub(crate) power: PowerArgs,
    /// Host of the guests whose configuration names none
    #[arg(long, value_name = "NAME", value_parser = words::node)]
    pub(crate) host: Option<NodeName>,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// What `drift` takes.
#[derive(Debug, Args)]
pub struct DriftArgs {
    /// The guests; without any, all that are complete
    #[arg(value_name = "ID", value_parser = super::vmid)]
    pub(crate) guests: Vec<Vmid>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}
