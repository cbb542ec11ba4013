//! Says to a person what a task is doing.

use std::fmt::Display;
use std::io::{Write, stderr};

/// Writes one line to stderr: what a task says of its work must not mix with the data it prints.
///
/// A closed stderr is no reason to stop a task, so a failure to write is passed over.
pub(crate) fn say(line: impl Display) {
    writeln!(stderr().lock(), "{line}").ok();
}
