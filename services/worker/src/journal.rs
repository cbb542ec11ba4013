//! What the engine tells becomes events; and what happened to the log meanwhile stops the engine.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use phoenix_bus::Pen;
use phoenix_domain::{Change, GuestKey, StepName, StepTaken};
use phoenix_engine::{Halt, Journal, Taken};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::view::View;
use crate::voice::Memory;

/// How far a guest may run ahead of its log: what takes longer to be written is waited for before
/// the next change. Without it a step would wait for the disk each time, and with more of it a
/// guest would go on without a log.
const LEAD: Duration = Duration::from_millis(50);

/// After so long without a change the log is asked whether the claim still holds: this process may
/// have been suspended, and overtaken.
const DOUBT: Duration = Duration::from_secs(2);

/// The journal of one claim.
pub(crate) struct LogJournal<'j> {
    pub(crate) guest: GuestKey,
    pub(crate) revision: u64,
    pub(crate) pen: &'j Pen,
    pub(crate) view: &'j View,
    /// Cancelled when no change may be begun any more.
    pub(crate) stop: CancellationToken,
    /// When the claim was last known to hold.
    pub(crate) held: Mutex<Instant>,
    /// What was said in the guest.
    pub(crate) said: Memory,
}

impl LogJournal<'_> {
    fn held(&self) -> MutexGuard<'_, Instant> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says why the walk must not go on, as far as that is known here and now.
    fn halted(&self) -> Result<(), Halt> {
        if self.pen.stopped().is_some() {
            return Err(Halt::Fenced);
        }
        let told = self.view.end(self.guest);
        let written = self.pen.state();
        let states = told.iter().map(|end| &end.event.state).chain([&written]);
        for state in states.filter(|state| state.desired.revision >= self.revision) {
            if state.desired.cancelled {
                return Err(Halt::Cancelled);
            }
            if state.desired.revision > self.revision {
                return Err(Halt::Superseded);
            }
        }
        if self.stop.is_cancelled() { Err(Halt::ShuttingDown) } else { Ok(()) }
    }
}

impl Journal for LogJournal<'_> {
    async fn before(&self, step: StepName, change: &Change) -> Result<(), Halt> {
        self.goes_on().await?;
        info!(%step, %change, "change begun");
        Ok(())
    }

    async fn goes_on(&self) -> Result<(), Halt> {
        self.halted()?;
        if self.pen.lag() > LEAD {
            tokio::select! {
                settled = self.pen.settled() => { settled.map_err(|_| Halt::Fenced)?; }
                () = self.stop.cancelled() => return Err(Halt::ShuttingDown),
            }
            self.halted()?;
        }
        if self.held().elapsed() > DOUBT {
            tokio::select! {
                confirmed = self.pen.confirm() => confirmed.map_err(|_| Halt::Fenced)?,
                () = self.stop.cancelled() => return Err(Halt::ShuttingDown),
            }
        }
        *self.held() = Instant::now();
        Ok(())
    }

    fn stumbled(&self, step: StepName, change: &Change, why: &str, after: Duration) {
        warn!(%step, %change, why, ?after, "change failed; it is tried again");
    }

    async fn taken(&self, taken: Taken) -> Result<(), Halt> {
        debug!(step = %taken.step, "step taken");
        self.pen.say(StepTaken {
            step: taken.step,
            phase: taken.phase,
            changes: taken.changes.iter().map(ToString::to_string).collect(),
            took_ms: u64::try_from(taken.took.as_millis()).unwrap_or(u64::MAX),
            said: self.said.take(),
        });
        if self.pen.stopped().is_some() { Err(Halt::Fenced) } else { Ok(()) }
    }
}
