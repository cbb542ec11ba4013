//! What may be typed where something is wrong. The comments here are the help texts.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use phoenix_secrets::SecretsArgs;

use super::offline::ConfigArgs;
use super::online::ListArgs;
use super::words;

/// What `doctor` takes.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) list: ListArgs,
    /// Where the monitoring of NATS answers: with it, it is asked how and where it writes to disk
    #[arg(long, env = "PHOENIX_NATS_MONITOR", value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) nats_monitor: Option<String>,
    /// Where the worker of this host holds its locks
    #[arg(long, default_value = "/run/phoenix", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) run_dir: PathBuf,
    /// Where it keeps its notes
    #[arg(long, default_value = "/var/lib/phoenix", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) state_dir: PathBuf,
    #[command(flatten)]
    pub(crate) secrets: SecretsArgs,
    /// A folder that is taken for the host, to try it
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, default_value = "/", value_parser = words::folder)]
    pub(crate) root: PathBuf,
}
