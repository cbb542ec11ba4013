//! What may be typed about copies of all that NATS keeps. The comments here are the help texts.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::online::ConnectArgs;

/// What `backup` takes.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The file, which is not there yet
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
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
    pub(crate) connect: ConnectArgs,
}
