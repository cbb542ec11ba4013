//! Dice with a seed: every choice of a run is thrown by them, so the same seed makes the same choices.

use std::time::Duration;

/// Dice.
#[derive(Debug)]
pub(crate) struct Dice(fastrand::Rng);

impl Dice {
    /// Returns dice that fall as this seed has it.
    pub(crate) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// Returns a number from the first on, and before the last.
    pub(crate) fn between(&mut self, first: u64, last: u64) -> u64 {
        self.0.u64(first..last)
    }

    /// Returns a time of that many milliseconds.
    pub(crate) fn millis(&mut self, first: u64, last: u64) -> Duration {
        Duration::from_millis(self.between(first, last))
    }

    /// Says yes so often out of a hundred times.
    pub(crate) fn falls(&mut self, percent: u64) -> bool {
        self.between(0, 100) < percent
    }

    /// Returns one of these.
    pub(crate) fn one_of<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let nth = self.0.usize(0..of.len());
        &of[nth]
    }
}

/// Returns the seed of a run that follows from the seed of all.
pub(crate) fn seed_of(seed: u64, row: u16, nth: u64) -> u64 {
    let mut rng = fastrand::Rng::with_seed(seed ^ (u64::from(row) << 48) ^ (nth << 24));
    // Short enough to be typed.
    rng.u64(1..1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same() {
        let throw = |seed| {
            let mut dice = Dice::new(seed);
            (0..20).map(|_| dice.between(0, 1000)).collect::<Vec<_>>()
        };

        assert_eq!(throw(7), throw(7));
        assert_ne!(throw(7), throw(8));
        assert_ne!(seed_of(1, 3, 0), seed_of(1, 3, 1));
        assert_ne!(seed_of(1, 3, 0), seed_of(1, 4, 0));
    }
}
