//! From arguments to a worker at work.

use std::io::Write as _;
use std::process::ExitCode;

use phoenix_hypervisor::Idle;
use phoenix_service::{LogFormat, on_signal, tell};

use crate::error::WorkerError;
use crate::settings::{HostKind, Settings};

/// Works until it is asked to end, and returns how that went.
pub fn main(settings: Settings) -> ExitCode {
    tell(&settings.log, LogFormat::Text);
    match start(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            let mut text = String::from("error: ");
            let mut cause: Option<&dyn std::error::Error> = Some(&err);
            let mut lead = "";
            while let Some(err) = cause {
                text.push_str(lead);
                text.push_str(&err.to_string());
                (lead, cause) = (": ", err.source());
            }
            for hint in err.advice() {
                text.push_str("\nhint: ");
                text.push_str(hint);
            }
            // Where even this cannot be written, the exit code has to say it.
            drop(writeln!(std::io::stderr(), "{text}"));
            ExitCode::from(err.exit_code())
        }
    }
}

fn start(settings: Settings) -> Result<(), WorkerError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(WorkerError::NotStarted)?;
    runtime.block_on(async {
        let (shutdown, signals) = on_signal().map_err(WorkerError::NotStarted)?;
        let signals = tokio::spawn(signals);
        let ended = match settings.host {
            HostKind::Idle => crate::run(settings, Idle::default(), shutdown).await,
            HostKind::Simulated => Err(WorkerError::Missing { what: "the simulated host" }),
        };
        signals.abort();
        ended
    })
}
