//! From arguments to a monitor at work.

use std::io::Write as _;
use std::process::ExitCode;

use phoenix_service::{on_signal, open_as_many_files_as_may_be};
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
    let log = settings.log.clone();
    let ended = log.begin().map_err(MonitorError::from).and_then(|()| {
        open_many_files();
        start(settings)
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            let advice = err.advice().map(str::to_owned);
            log.complain(&err, advice.as_slice());
            ExitCode::FAILURE
        }
    }
}

fn open_many_files() {
    // A connection to each service is kept; with too few, what cannot be asked is told as such.
    match open_as_many_files_as_may_be() {
        Ok(files) => debug!(?files, "may be open at once"),
        Err(err) => warn!(%err, "no more files may be open at once than before"),
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
