//! What may be typed about copies of all that NATS keeps. The comments here are the help texts.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use phoenix_bus::NatsArgs;
use phoenix_domain::NodeName;

use super::offline::ConfigArgs;
use super::online::{LiveArgs, WhoArgs};
use super::words;

/// What `backup` takes.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The file, which is not there yet
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
}

/// What `restore` takes.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The file that `phoenix backup` wrote
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// Give up what NATS holds now
    #[arg(long)]
    pub(crate) over: bool,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
}

/// What `recover` takes.
#[derive(Debug, Args)]
pub struct RecoverArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Host of the guests whose configuration names none
    #[arg(long, value_name = "NAME", value_parser = words::node)]
    pub(crate) host: Option<NodeName>,
    #[command(flatten)]
    pub(crate) live: LiveArgs,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
    #[command(flatten)]
    pub(crate) who: WhoArgs,
}
