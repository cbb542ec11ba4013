//! How the schedule itself is.

use std::time::Duration;

/// Lateness is counted in classes of this many microseconds at first, each a tenth wider than the last.
const FIRST: u64 = 100;
/// The last class has no end; it begins at more than a minute.
const CLASSES: usize = 144;
/// A share of them that nobody has an opinion of.
const FEW: u64 = 20;

/// How the schedule itself is: when it is sick, what it heard says nothing about anybody.
#[derive(Clone, Debug)]
pub struct Pulse {
    /// How many questions were answered, or not.
    pub asked: u64,
    /// How many of them were not answered in time.
    pub timed_out: u64,
    /// The longest time the program or its machine stood still.
    pub stood_still: Duration,
    late: [u32; CLASSES],
    latest: Duration,
}

impl Default for Pulse {
    fn default() -> Self {
        let (asked, timed_out, stood_still, latest) = Default::default();
        Self { asked, timed_out, stood_still, late: [0; CLASSES], latest }
    }
}

impl Pulse {
    /// Returns how late questions were asked: `share` of them, between 0 and 1, were not later. It is
    /// true to a tenth.
    pub fn late(&self, share: f64) -> Duration {
        let all: u64 = self.late.iter().map(|&count| u64::from(count)).sum();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a count is a count"
        )]
        let wanted = (all as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (end, &count) in ends().zip(&self.late) {
            seen += u64::from(count);
            if seen >= wanted.max(1) {
                return end.min(self.latest);
            }
        }
        self.latest
    }

    /// Says whether nothing that was heard is to be believed: it came late itself, or so much was not
    /// answered that the fault is more likely here.
    pub fn is_sick(&self) -> bool {
        const LATE: Duration = Duration::from_secs(2);
        let is_deaf = self.asked >= FEW && self.timed_out * 10 > self.asked * 3;
        is_deaf || self.stood_still > LATE || self.late(0.99) > LATE
    }

    pub(super) fn was_late(&mut self, late: Duration) {
        self.latest = self.latest.max(late);
        let class = ends().position(|end| late <= end).unwrap_or(CLASSES - 1);
        if let Some(count) = self.late.get_mut(class) {
            *count = count.saturating_add(1);
        }
    }

    pub(super) fn was_asked(&mut self, timed_out: bool) {
        self.asked += 1;
        self.timed_out += u64::from(timed_out);
    }

    pub(super) fn stood_still(&mut self, time: Duration) {
        self.stood_still = self.stood_still.max(time);
    }
}

/// Returns where each class ends.
fn ends() -> impl Iterator<Item = Duration> {
    std::iter::successors(Some(FIRST), |micros| Some(micros + micros / 10))
        .take(CLASSES)
        .map(Duration::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_is_known_to_a_tenth() {
        let mut pulse = Pulse::default();
        for millis in 1..=1000 {
            pulse.was_late(Duration::from_millis(millis));
        }

        for (share, millis) in [(0.5, 500), (0.99, 990)] {
            let late = pulse.late(share);
            let exact = Duration::from_millis(millis);
            assert!(late >= exact && late <= exact * 11 / 10, "{late:?}");
        }
        assert_eq!(pulse.late(1.0), Duration::from_secs(1));
        assert_eq!(Pulse::default().late(0.99), Duration::ZERO);
    }

    #[test]
    fn the_classes_reach_beyond_a_minute() {
        assert!(ends().last().unwrap() > Duration::from_mins(1));
    }

    #[test]
    fn who_is_late_stood_still_or_hears_nobody_is_sick() {
        let mut late = Pulse::default();
        late.was_late(Duration::from_millis(2100));
        let mut still = Pulse::default();
        still.stood_still(Duration::from_secs(3));
        let mut deaf = Pulse::default();
        let mut heard = Pulse::default();
        for turn in 0..100 {
            deaf.was_asked(turn < 31);
            heard.was_asked(turn < 30);
        }
        let mut alone = Pulse::default();
        alone.was_asked(true);

        assert!(late.is_sick() && still.is_sick() && deaf.is_sick());
        assert!(!heard.is_sick() && !alone.is_sick() && !Pulse::default().is_sick());
    }
}
