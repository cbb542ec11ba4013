//! Chance enough to spread questions over a period.

use std::time::Duration;

/// `SplitMix64`: every seed gives a row of numbers of its own.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns any time shorter than this one.
    pub(super) fn within(&mut self, time: Duration) -> Duration {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.next().checked_rem(nanos).unwrap_or(0))
    }

    /// Returns a time that is a fifth more or less than this one.
    pub(super) fn about(&mut self, time: Duration) -> Duration {
        time * 4 / 5 + self.within(time * 2 / 5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_spread_over_all_there_is() {
        const SECOND: Duration = Duration::from_secs(1);
        let mut dice = Dice::new(7);

        let mut early = 0;
        for _ in 0..1000 {
            early += u32::from(dice.within(SECOND) < SECOND / 2);
            let about = dice.about(SECOND);
            assert!((SECOND * 4 / 5..SECOND * 6 / 5).contains(&about));
        }

        assert!((400..600).contains(&early), "{early}");
        assert_eq!(dice.within(Duration::ZERO), Duration::ZERO);
    }
}
