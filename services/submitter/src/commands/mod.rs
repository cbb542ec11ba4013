//! What the verbs do, one a file.

mod check;
mod completion;
mod explain;
mod man;
mod plan;
mod schema;
mod show;
mod submit;

use crate::cli::{Command, ConfigCommand};
use crate::error::CommandError;
use crate::output::Output;

/// Does what was typed, and returns the exit code. `whole` is the program it was typed to.
pub(crate) fn run(
    command: Command,
    whole: clap::Command,
    output: &mut Output,
) -> Result<u8, CommandError> {
    match command {
        Command::Check(args) => check::run(&args, output),
        Command::Plan(args) => plan::run(&args, output),
        Command::Submit(args) => submit::run(&args, output),
        Command::Config(ConfigCommand::Show(args)) => show::run(&args, output),
        Command::Explain(args) => explain::run(&args, output),
        Command::Schema(args) => schema::run(&args, output),
        Command::Completion(args) => completion::run(&args, whole, output),
        Command::Man(args) => man::run(&args, whole, output),
        _ => Ok(1),
    }
}
