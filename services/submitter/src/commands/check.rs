//! `phoenix check`: everything that is wrong with the configuration.

use phoenix_config::{Level, Loaded, as_json, as_sarif, as_text};

use crate::cli::{CheckArgs, CheckFormat};
use crate::config;
use crate::error::{CommandError, EXIT_REFUSED};
use crate::output::Output;

pub(super) fn run(args: &CheckArgs, output: &mut Output) -> Result<u8, CommandError> {
    let mut loaded = config::read(&args.config)?;
    config::known(&loaded, &args.guests)?;
    if !args.guests.is_empty() {
        loaded.keep_about(&args.guests);
    }
    let is_refused =
        loaded.count(Level::Error) > 0 || (args.deny_warnings && loaded.count(Level::Warning) > 0);
    if args.quiet {
        loaded.findings.retain(|finding| finding.level() != Level::Note);
    }
    let summary = summary(&loaded);
    match args.output {
        CheckFormat::Text => {
            output.data(&as_text(&loaded, true))?;
            output.data(&summary)?;
        }
        CheckFormat::Json => output.data(&format!("{}\n", as_json(&loaded)?))?,
        CheckFormat::Sarif => output.data(&format!("{}\n", as_sarif(&loaded)?))?,
    }
    // The process ends here, and takes a large fleet down faster than it is freed guest by guest.
    std::mem::forget(loaded);
    Ok(if is_refused { EXIT_REFUSED } else { 0 })
}

fn summary(loaded: &Loaded) -> String {
    let counted = |level, one, many| match loaded.count(level) {
        0 => None,
        1 => Some(format!("1 {one}")),
        more => Some(format!("{more} {many}")),
    };
    let found: Vec<_> = [
        counted(Level::Error, "error", "errors"),
        counted(Level::Warning, "warning", "warnings"),
        counted(Level::Note, "note", "notes"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let guests =
        if loaded.guests == 1 { "1 guest".to_owned() } else { format!("{} guests", loaded.guests) };
    if found.is_empty() {
        return format!("{guests} checked: nothing found\n");
    }
    let explained = loaded
        .findings
        .iter()
        .min_by_key(|finding| finding.level())
        .map(|finding| format!("; `phoenix explain {}` says more of the first\n", finding.code))
        .unwrap_or_default();
    format!("{guests} checked: {}{explained}", found.join(", "))
}
