//! What every part of a worker shares.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use phoenix_bus::{Bus, Setup, Teller};
use phoenix_domain::{GuestKey, WorkerName};
use phoenix_hypervisor::Patience;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::duty::Duty;
use crate::epochs::Epochs;
use crate::gateways::Known;
use crate::settings::Settings;
use crate::stock::Stock;
use crate::view::View;

/// What every part of a worker shares.
pub(crate) struct Context<H> {
    pub(crate) settings: Settings,
    pub(crate) worker: WorkerName,
    pub(crate) bus: Bus,
    pub(crate) setup: Setup,
    pub(crate) teller: Teller,
    pub(crate) host: H,
    pub(crate) view: View,
    pub(crate) epochs: Epochs,
    pub(crate) shutdown: CancellationToken,
    /// Whether guests are worked on.
    pub(crate) duty: Duty,
    /// What was brought along with guests.
    pub(crate) stock: Stock,
    /// Guests this process is at.
    pub(crate) busy: Busy,
    /// The versions of what the host works with.
    pub(crate) tools: Mutex<BTreeMap<String, String>>,
    /// What is known of the guests that gateways lead to.
    pub(crate) known: Known,
    /// How long was waited for locks.
    pub(crate) patience: Patience,
    /// Tells the dispatcher to look at a guest again.
    pub(crate) nudge: mpsc::UnboundedSender<GuestKey>,
}

impl<H> Context<H> {
    pub(crate) fn lock_file(&self, name: &str) -> PathBuf {
        #[cfg(feature = "planted")]
        if phoenix_planted::is("no-lock") {
            return self.settings.run_dir.join(format!("{name}.{}", std::process::id()));
        }
        self.settings.run_dir.join(format!("{name}.lock"))
    }

    /// Returns the versions of what the host works with, as it was looked at last.
    pub(crate) fn tools(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.tools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the dispatcher look at a guest again.
    pub(crate) fn look_again(&self, guest: GuestKey) {
        // A dispatcher that is gone has ended with the worker.
        let _gone = self.nudge.send(guest);
    }
}

/// Reads the clock.
#[expect(clippy::disallowed_methods, reason = "the one place of the worker that reads the clock")]
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from(std::time::SystemTime::now())
}

/// Returns a time around this one: what began together should not go on together.
pub(crate) fn spread(around: Duration) -> Duration {
    let spread = uuid::Uuid::new_v4().as_u128() % 400;
    let spread = u32::try_from(spread).unwrap_or(200);
    around.saturating_mul(800 + spread) / 1000
}

/// The guests this process is at.
#[derive(Debug, Default)]
pub(crate) struct Busy {
    guests: Mutex<HashSet<GuestKey>>,
    idle: Notify,
}

/// A guest this process is at, until this is dropped.
pub(crate) struct At<'b> {
    busy: &'b Busy,
    guest: GuestKey,
}

impl Busy {
    /// Takes a guest, unless this process is at it already.
    pub(crate) fn take(&self, guest: GuestKey) -> Option<At<'_>> {
        let is_free = self.guests().insert(guest);
        // Not made in vain: the end of an `At` says that nobody is at the guest any more, and takes
        // the lock for that.
        if is_free { Some(At { busy: self, guest }) } else { None }
    }

    pub(crate) fn has(&self, guest: GuestKey) -> bool {
        self.guests().contains(&guest)
    }

    /// Waits until this process is at no guest any more; once each time.
    pub(crate) async fn idle(&self) {
        self.idle.notified().await;
    }

    pub(crate) fn count(&self) -> usize {
        self.guests().len()
    }

    fn guests(&self) -> MutexGuard<'_, HashSet<GuestKey>> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for At<'_> {
    fn drop(&mut self) {
        let mut guests = self.busy.guests();
        guests.remove(&self.guest);
        if guests.is_empty() {
            self.busy.idle.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_together_is_spread_around_its_time() {
        let spreads: Vec<_> = (0..50).map(|_| spread(Duration::from_secs(100))).collect();

        assert!(spreads.iter().all(|one| (80..=120).contains(&one.as_secs())), "{spreads:?}");
        assert!(spreads.iter().any(|one| Some(one) != spreads.first()), "{spreads:?}");
    }

    #[test]
    fn a_guest_that_is_taken_stays_taken_whoever_else_asks_for_it() {
        let (busy, guest) = (Busy::default(), "lxc-950".parse().unwrap());
        let at = busy.take(guest);

        assert!(at.is_some() && busy.take(guest).is_none() && busy.take(guest).is_none());
        assert!(busy.has(guest));

        drop(at);
        assert!(!busy.has(guest) && busy.take(guest).is_some());
    }
}
