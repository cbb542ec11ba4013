//! How fast somebody may send.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A bucket that fills by itself, out of which everything that is sent takes one.
pub(super) struct Pace {
    steady: f64,
    burst: f64,
    bucket: Mutex<(f64, Instant)>,
}

impl Pace {
    /// Takes how many may be sent a second, for as long as somebody wants, and how many at once where
    /// there were fewer before.
    pub(super) fn new(steady: f64, burst: f64) -> Self {
        Self { steady, burst, bucket: Mutex::new((burst, Instant::now())) }
    }

    /// Takes one, or returns how long there is none.
    pub(super) fn is_too_fast(&self) -> Option<Duration> {
        self.take(Instant::now())
    }

    fn take(&self, now: Instant) -> Option<Duration> {
        // What is in it was whole before anything broke.
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, since) = *bucket;
        let left = left + self.steady * now.saturating_duration_since(since).as_secs_f64();
        let left = left.min(self.burst);
        let (rest, wait) = if left >= 1.0 {
            (left - 1.0, None)
        } else {
            (left, Some(Duration::from_secs_f64((1.0 - left) / self.steady)))
        };
        *bucket = (rest, now);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_was_quiet_may_send_many_at_once_and_then_waits() {
        let (pace, now) = (Pace::new(100.0, 500.0), Instant::now());

        let taken = (0..1000).filter(|_| pace.take(now).is_none()).count();

        assert_eq!(taken, 500);
        assert!(pace.take(now).is_some());
        assert!(pace.take(now + Duration::from_millis(11)).is_none());
        assert!(pace.take(now + Duration::from_millis(11)).is_some());
    }
}
