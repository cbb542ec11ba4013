//! The monitor's own clock.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

/// A clock that starts with the time of day and then only counts: whoever sets the time of the machine
/// does not move it, and what a service did last is never in its future.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    at: DateTime<Utc>,
    speed: u32,
}

impl Clock {
    /// Starts one at this time of day.
    pub fn starting(at: DateTime<Utc>) -> Self {
        Self { started: Instant::now(), at, speed: 1 }
    }

    /// Returns one on which time passes so many times as fast, to see in minutes what takes hours.
    #[must_use]
    pub fn faster(self, speed: u32) -> Self {
        Self { speed, ..self }
    }

    /// Returns how long a span on this clock really lasts.
    pub fn really(&self, span: Duration) -> Duration {
        span / self.speed
    }

    /// Returns the time.
    pub fn now(&self) -> DateTime<Utc> {
        let passed =
            TimeDelta::from_std(self.started.elapsed() * self.speed).unwrap_or(TimeDelta::MAX);
        self.at.checked_add_signed(passed).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}
