//! What an operator types.
//!
//! `cli` says what may be typed, a module of `commands` does it, `output` is the one way to
//! the terminal, and `error` says how a command can end badly and with which exit code.

mod cli;
mod commands;
mod config;
mod error;
mod output;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Command, Phoenix, PhoenixSubmit};
use crate::error::EXIT_USAGE;
use crate::output::Output;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Under which name the program was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `phoenix`, with a verb.
    Phoenix,
    /// `phoenix-submit`, whose verb is its name.
    Submit,
}

/// Runs the program and returns how it ended.
pub fn main(program: Program) -> ExitCode {
    let parsed = match program {
        Program::Phoenix => Phoenix::try_parse().map(|typed| (typed.command, typed.color)),
        Program::Submit => {
            PhoenixSubmit::try_parse().map(|typed| (Command::Submit(typed.args), typed.color))
        }
    };
    let (command, color) = match parsed {
        Ok(parsed) => parsed,
        Err(err) => return refuse_usage(&err),
    };
    let mut output = Output::new(color);
    match commands::run(command, &mut output) {
        Ok(code) => ExitCode::from(code),
        Err(err) => {
            output.error(&err);
            ExitCode::from(err.exit_code())
        }
    }
}

fn refuse_usage(err: &clap::Error) -> ExitCode {
    // Nothing can be done where even this cannot be printed.
    drop(err.print());
    // Help and the version are what was asked for; everything else goes to stderr.
    if err.use_stderr() { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS }
}
