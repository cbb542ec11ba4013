//! What is said of the configuration, in one line.

use phoenix_config::{Level, Loaded};

use super::nats::said;
use super::report::Report;
use crate::cli::ConfigArgs;
use crate::config;
use crate::words;

const CHECK: &str = "configuration";

/// Reads it, and says how it is.
pub(super) fn look(args: &ConfigArgs, report: &mut Report) -> Option<Loaded> {
    let loaded = match config::read(args) {
        Ok(loaded) => loaded,
        Err(err) => {
            report.not_looked_at(CHECK, said(&err));
            return None;
        }
    };
    let folder = config::folder(args).map(|folder| folder.display().to_string());
    let of = folder.map(|folder| format!(" of {folder}")).unwrap_or_default();
    let guests = words::count(loaded.guests, "guest", "guests");
    let count = |level| loaded.count(level);
    let found = format!(
        "{guests}{of}: {}, {}",
        words::count(count(Level::Error), "error", "errors"),
        words::count(count(Level::Warning), "warning", "warnings")
    );
    match (count(Level::Error), count(Level::Warning)) {
        (0, 0) => report.ok(CHECK, found),
        (0, _) => report.warning(CHECK, found, "phoenix check"),
        (_, _) => report.wrong(CHECK, found, "phoenix check"),
    }
    Some(loaded)
}
