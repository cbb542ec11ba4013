//! The monitor's own clock.

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

/// A clock that starts with the time of day and then only counts: whoever sets the time of the machine
/// does not move it, and what a service did last is never in its future.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    at: DateTime<Utc>,
}

impl Clock {
    /// Starts one at this time of day.
    pub fn starting(at: DateTime<Utc>) -> Self {
        Self { started: Instant::now(), at }
    }

    /// Returns the time.
    pub fn now(&self) -> DateTime<Utc> {
        let passed = TimeDelta::from_std(self.started.elapsed()).unwrap_or(TimeDelta::MAX);
        self.at.checked_add_signed(passed).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}
