//! Asking again where nobody answers for now: a cluster that has lost a leader has the next one after four to nine
//! seconds, and who types a command meanwhile is not to type it twice.

use std::time::{Duration, Instant};

use crate::act::Act;
use crate::connect::Bus;
use crate::error::BusError;

/// For how long it is asked again: as long as two elections take, where nobody wins the first.
const ELECTIONS: Duration = Duration::from_secs(20);
/// How long to wait where the answer is that nobody answers.
const PAUSE: Duration = Duration::from_millis(250);

impl Bus {
    /// Reads something, and reads it again where that fails: it changes nothing. Without a connection it is waited only
    /// where there are other servers: one that stands still is left for another after a few seconds.
    pub(crate) async fn reading<T, F>(
        &self,
        act: Act,
        mut read: impl FnMut() -> F,
    ) -> Result<T, BusError>
    where
        F: Future<Output = Result<T, BusError>>,
    {
        let since = Instant::now();
        loop {
            match self.allowed(act, read()).await {
                Err(BusError::Failed { .. } | BusError::Unknown { .. })
                    if since.elapsed() < ELECTIONS
                        && (self.is_connected() || self.has_other_servers()) =>
                {
                    tokio::time::sleep(PAUSE).await;
                }
                done => return done,
            }
        }
    }

    /// Says whether another server could take the place of the one that was connected to last.
    fn has_other_servers(&self) -> bool {
        self.url.contains(',')
    }
}
