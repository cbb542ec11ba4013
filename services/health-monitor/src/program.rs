//! From arguments to a monitor at work.

use std::io::Write as _;
use std::process::ExitCode;

use phoenix_service::{LogFormat, on_signal, open_as_many_files_as_may_be, tell};
use tracing::{debug, warn};

use crate::channels;
use crate::error::MonitorError;
use crate::monitor;
use crate::settings::Settings;

/// Watches until it is asked to end, and returns how that went.
pub fn main(settings: Settings) -> ExitCode {
    if let Some(kind) = settings.print_template {
        let text = channels::usual_template(kind.into()).unwrap_or_default();
        // Whoever reads it may have had enough.
        drop(std::io::stdout().write_all(text.as_bytes()));
        return ExitCode::SUCCESS;
    }
    tell(&settings.log, LogFormat::Text);
    // A connection to each service is kept; with too few, what cannot be asked is told as such.
    match open_as_many_files_as_may_be() {
        Ok(files) => debug!(?files, "may be open at once"),
        Err(err) => warn!(%err, "no more files may be open at once than before"),
    }
    match start(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            complain(&err);
            ExitCode::FAILURE
        }
    }
}

fn start(settings: Settings) -> Result<(), MonitorError> {
    // One core is enough for ten thousand endpoints; the other threads are for what the probes wait for.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(MonitorError::NotStarted)?;
    runtime.block_on(async {
        let (shutdown, signals) = on_signal().map_err(MonitorError::NotStarted)?;
        let signals = tokio::spawn(signals);
        let ended = Box::pin(monitor::run(settings, shutdown)).await;
        signals.abort();
        ended
    })
}

/// Says why nothing is watched: the chain of causes once, then what to do.
fn complain(err: &MonitorError) {
    let mut text = String::from("error");
    let mut cause: Option<&dyn std::error::Error> = Some(err);
    while let Some(err) = cause {
        text.push_str(": ");
        text.push_str(&err.to_string());
        cause = err.source();
    }
    if let Some(advice) = err.advice() {
        text.push_str("\nhint: ");
        text.push_str(advice);
    }
    // Where even this cannot be written, the exit code has to say it.
    drop(writeln!(std::io::stderr(), "{text}"));
}
