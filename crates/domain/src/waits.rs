//! How long was waited for something, sorted by how long that took.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The upper ends of what waits are sorted into, in milliseconds.
const ENDS: [u64; 7] = [10, 100, 1_000, 10_000, 60_000, 600_000, 3_600_000];

/// How long was waited for something, since somebody began to count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waits {
    /// How many waits took no longer than so many milliseconds.
    pub up_to_ms: BTreeMap<u64, u64>,
    /// How many there were.
    pub count: u64,
    /// How long all of them took, in milliseconds.
    pub total_ms: u64,
}

impl Default for Waits {
    fn default() -> Self {
        Self { up_to_ms: ENDS.into_iter().map(|end| (end, 0)).collect(), count: 0, total_ms: 0 }
    }
}

impl Waits {
    /// Counts one.
    pub fn add(&mut self, waited: Duration) {
        self.count += 1;
        let millis = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        self.total_ms = self.total_ms.saturating_add(millis);
        for (end, count) in &mut self.up_to_ms {
            *count += u64::from(waited <= Duration::from_millis(*end));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_in_all_that_end_at_it_or_after_it_and_one_without_end_in_none() {
        let mut waits = Waits::default();

        for millis in [0, 10, 11, 60_000, 86_400_000] {
            waits.add(Duration::from_millis(millis));
        }

        let counts: Vec<_> = waits.up_to_ms.values().copied().collect();
        assert_eq!(counts, [2, 3, 3, 3, 4, 4, 4]);
        assert_eq!((waits.count, waits.total_ms), (5, 86_460_021));
    }
}
