//! Telling what the program does: to stderr, and nothing secret.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// As short as it goes, for a screen that others write on too.
    Compact,
}

/// Starts telling, as `filter` says: `info`, `phoenix_bus=debug` …
pub fn tell(filter: &str, format: LogFormat) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let told = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    // A second start is a test's; the first one tells.
    drop(match format {
        LogFormat::Text => told.try_init(),
        LogFormat::Compact => told.compact().without_time().try_init(),
    });
}
