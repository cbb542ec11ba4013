//! `phoenix completion`: scripts that let a shell complete.

use clap::CommandFactory;

use crate::cli::{CompletionArgs, Phoenix, PhoenixSubmit};
use crate::error::CommandError;
use crate::output::Output;

pub(super) fn run(args: &CompletionArgs, output: &mut Output) -> Result<u8, CommandError> {
    let mut script = Vec::new();
    let (mut command, name) = if args.for_submit {
        (PhoenixSubmit::command(), "phoenix-submit")
    } else {
        (Phoenix::command(), "phoenix")
    };
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    output.data(&String::from_utf8_lossy(&script))?;
    Ok(0)
}
