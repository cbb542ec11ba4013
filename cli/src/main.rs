//! `phoenix`, the single entry point: it composes the services' libraries.

use std::process::ExitCode;

fn main() -> ExitCode {
    phoenix_submitter::main(phoenix_submitter::Program::Phoenix)
}
