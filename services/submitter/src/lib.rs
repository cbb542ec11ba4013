//! What an operator types.

use std::process::ExitCode;

/// Under which name the program was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `phoenix`, with a verb.
    Phoenix,
    /// `phoenix-submit`, whose verb is its name.
    Submit,
}

/// Runs the program and returns how it ended.
pub fn main(_program: Program) -> ExitCode {
    ExitCode::SUCCESS
}
