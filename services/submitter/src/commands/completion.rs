//! `phoenix completion`: scripts that let a shell complete.

use clap::{Command, CommandFactory};

use crate::cli::{CompletionArgs, PhoenixSubmit};
use crate::error::CommandError;
use crate::output::Output;

pub(super) fn run(
    args: &CompletionArgs,
    whole: Command,
    output: &mut Output,
) -> Result<u8, CommandError> {
    let mut script = Vec::new();
    let (mut command, name) = if args.for_submit {
        (PhoenixSubmit::command(), "phoenix-submit")
    } else {
        (whole, "phoenix")
    };
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    output.data(&String::from_utf8_lossy(&script))?;
    Ok(0)
}
