//! Ending well.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::info;

/// Returns a token that is cancelled when somebody asks the program to end. The future has to be
/// run; it ends with the first signal, so that the second one finds nobody and kills.
pub fn on_signal() -> io::Result<(CancellationToken, impl Future<Output = ()> + Send)> {
    let token = CancellationToken::new();
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let asked = token.clone();
    let wait = async move {
        tokio::select! {
            _ = term.recv() => info!("asked to end by SIGTERM"),
            _ = int.recv() => info!("asked to end by SIGINT"),
        }
        asked.cancel();
    };
    Ok((token, wait))
}
