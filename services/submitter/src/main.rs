//! `phoenix-submit 950`: the short form of `phoenix submit 950`.

use std::process::ExitCode;

fn main() -> ExitCode {
    phoenix_submitter::main()
}
