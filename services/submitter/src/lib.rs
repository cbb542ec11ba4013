//! What an operator types.
//!
//! `cli` says what may be typed, a module of `commands` does it, `output` is the one way to
//! the terminal, and `error` says how a command can end badly and with which exit code. What is
//! asked of a guest is decided in `asking`, what was asked for is followed in `follow`, and how
//! things are called stands in `words`, what workers foresee in `ahead`, how the setup of a host is told in
//! `hosting`. All that is known of a cell is kept up to date in `site`, for the page of `serve` and for `screen`;
//! why a guest is not well is put together in `capsule`. A program that has more verbs flattens [`Command`] into
//! its own and hands what was typed to [`run`].

mod ahead;
mod approvals;
mod asking;
mod capsule;
mod cli;
mod commands;
mod config;
mod confirm;
mod deliveries;
mod error;
mod follow;
mod health_words;
mod hosting;
mod letter;
mod nodes;
mod output;
mod runs;
mod screen;
mod serve;
mod session;
mod severity;
mod site;
mod states;
mod status;
mod table;
mod timeline;
mod words;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::cli::PhoenixSubmit;
pub use crate::cli::{AFTER_HELP, Command, FeatureCommand};
use crate::error::{CommandError, EXIT_USAGE};
pub use crate::output::ColorChoice;
use crate::output::Output;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs `phoenix-submit` and returns how it ended.
pub fn main() -> ExitCode {
    match PhoenixSubmit::try_parse() {
        Ok(typed) => run(Command::Submit(typed.args), typed.color, PhoenixSubmit::command()),
        Err(err) => refuse_usage(&err),
    }
}

/// Does what was typed, and returns how it ended. `whole` is the program it was typed to, with all
/// its verbs: completions and man pages are made of it.
pub fn run(command: Command, color: ColorChoice, whole: clap::Command) -> ExitCode {
    end(color, |output| commands::run(command, whole, output))
}

/// Does what was typed about features, and returns how it ended. A program that can try features as
/// well has this among its own verbs.
pub fn feature(command: &FeatureCommand, color: ColorChoice) -> ExitCode {
    end(color, |output| commands::feature::run(command, output))
}

fn end(color: ColorChoice, work: impl FnOnce(&mut Output) -> Result<u8, CommandError>) -> ExitCode {
    let mut output = Output::new(color);
    match work(&mut output) {
        Ok(code) => ExitCode::from(code),
        Err(err) => {
            output.error(&err);
            ExitCode::from(err.exit_code())
        }
    }
}

/// Prints why a command line makes no sense, or the help that was asked for.
pub fn refuse_usage(err: &clap::Error) -> ExitCode {
    // Nothing can be done where even this cannot be printed.
    drop(err.print());
    // Help and the version are what was asked for; everything else goes to stderr.
    if err.use_stderr() { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS }
}
