//! How fast a source may send.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many a second, for as long as it wants.
const STEADY: f64 = 100.0;
/// So many at once, where there were fewer before.
const BURST: f64 = 500.0;

/// A bucket that fills by itself, out of which every delivery takes one.
pub(super) struct Pace(Mutex<(f64, Instant)>);

impl Pace {
    pub(super) fn new() -> Self {
        Self(Mutex::new((BURST, Instant::now())))
    }

    /// Takes one, or returns how long there is none.
    pub(super) fn is_too_fast(&self) -> Option<Duration> {
        self.take(Instant::now())
    }

    fn take(&self, now: Instant) -> Option<Duration> {
        // What is in it was whole before anything broke.
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, since) = *bucket;
        let left = (left + STEADY * now.saturating_duration_since(since).as_secs_f64()).min(BURST);
        let (rest, wait) = if left >= 1.0 {
            (left - 1.0, None)
        } else {
            (left, Some(Duration::from_secs_f64((1.0 - left) / STEADY)))
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
        let (pace, now) = (Pace::new(), Instant::now());

        let taken = (0..1000).filter(|_| pace.take(now).is_none()).count();

        assert_eq!(taken, 500);
        assert!(pace.take(now).is_some());
        assert!(pace.take(now + Duration::from_millis(11)).is_none());
        assert!(pace.take(now + Duration::from_millis(11)).is_some());
    }
}
