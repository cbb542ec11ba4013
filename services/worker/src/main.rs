//! Not part of this version yet; it says so instead of pretending.

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let said = writeln!(
        std::io::stderr(),
        "error: phoenix-worker does nothing in this version: it validates and plans only\n         hint: `phoenix check` and `phoenix plan ID` work; run them instead"
    );
    drop(said);
    ExitCode::FAILURE
}
