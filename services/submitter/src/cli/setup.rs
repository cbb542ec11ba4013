//! What may be typed about the host itself. The comments here are the help texts.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use phoenix_secrets::SecretsArgs;

use super::offline::ConfigArgs;
use super::online::ListFormat;
use super::words;

/// What `setup` takes.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct SetupArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Show every change, with the difference of every file and every command, and make none
    #[arg(long, conflicts_with = "verify")]
    pub(crate) plan: bool,
    /// Look whether everything is as the file says and works, and change nothing
    #[arg(long)]
    pub(crate) verify: bool,
    /// Only this, as the plan calls it; may be repeated
    #[arg(long, value_name = "ITEM", num_args = 1..)]
    pub(crate) only: Vec<String>,
    /// Give up what is on a disk of a pool; it asks for the disk's name, whatever else is said
    #[arg(long, value_name = "DISK", conflicts_with_all = ["plan", "verify"])]
    pub(crate) wipe: Vec<String>,
    /// Make the changes without asking; what is on disks stays nevertheless
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// End with code 2 where something would be changed
    #[arg(long, requires = "plan")]
    pub(crate) exit_code: bool,
    /// How to print it
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: ListFormat,
    #[command(flatten)]
    pub(crate) secrets: SecretsArgs,
    /// A folder that is taken for the host, to try it
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, default_value = "/", value_parser = words::folder)]
    pub(crate) root: PathBuf,
}
