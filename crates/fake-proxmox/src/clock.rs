//! What time it is, since boot and by the calendar.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Returns milliseconds since boot.
pub(crate) fn since_boot() -> u64 {
    milliseconds(ClockId::Boottime)
}

/// Returns milliseconds of a clock that never goes back.
pub(crate) fn monotonic() -> u64 {
    milliseconds(ClockId::Monotonic)
}

/// Returns milliseconds since 1970.
pub(crate) fn wall() -> u64 {
    milliseconds(ClockId::Realtime)
}

fn milliseconds(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let part = u64::try_from(now.tv_nsec / 1_000_000).unwrap_or(0);
    seconds * 1000 + part
}

pub(crate) fn sleep(ms: u64) {
    if ms > 0 {
        std::thread::sleep(Duration::from_millis(ms));
    }
}

/// Keeps a core busy for so many milliseconds, as Perl does while it reads its modules.
pub(crate) fn burn(ms: u64) {
    let begun = milliseconds(ClockId::ThreadCPUTime);
    while milliseconds(ClockId::ThreadCPUTime) - begun < ms {
        std::hint::spin_loop();
    }
}

/// Returns year, month, day, hour, minute, second of a moment.
pub(crate) fn calendar(seconds: u64) -> (u64, u64, u64, u64, u64, u64) {
    let (days, rest) = (seconds / 86400, seconds % 86400);
    // Years begin in March here, so that the day that comes and goes is the last one.
    let era_day = days + 719_468;
    let (era, day_of_era) = (era_day / 146_097, era_day % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day, rest / 3600, rest % 3600 / 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_burns_costs_that_much_of_a_core() {
        let begun = milliseconds(ClockId::ThreadCPUTime);

        burn(20);

        assert!(milliseconds(ClockId::ThreadCPUTime) >= begun + 20);
    }
}
