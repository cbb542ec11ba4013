//! The child of a simulated host in tests: `sim-change --state DIR --order JSON`.

use std::env;
use std::io::{Write as _, stderr};
use std::path::Path;
use std::process::ExitCode;

use phoenix_hypervisor::simulated::run_change;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    let [_, _, state, _, order] = arguments.as_slice() else { return ExitCode::from(2) };
    match run_change(Path::new(state), order) {
        Ok(()) => ExitCode::SUCCESS,
        Err(not_made) => {
            let said = writeln!(stderr(), "{not_made}");
            if said.is_ok() { ExitCode::from(not_made.exit_code()) } else { ExitCode::from(3) }
        }
    }
}
