//! Words of the command line that are more than a number: durations, runs, kinds of event.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use phoenix_domain::health::IncidentId;
use phoenix_domain::{
    ChannelName, EventKind, NodeName, Refused, RunId, SourceName, StepName, Vmid,
};

/// A run or a guest, whichever was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// `r-…`
    Run(RunId),
    /// `950`, or `lxc-950`
    Guest(Vmid),
}

impl Named {
    /// Reads a run or a guest, where a text is one and nothing else could be meant.
    pub(crate) fn of(text: &str) -> Option<Self> {
        named(text).ok()
    }
}

pub(super) fn named(text: &str) -> Result<Named, String> {
    if text.starts_with("r-") {
        return run(text).map(Named::Run);
    }
    super::vmid(text)
        .map(Named::Guest)
        .map_err(|rule| format!("{rule}, and a run begins with `r-`"))
}

pub(super) fn run(text: &str) -> Result<RunId, String> {
    text.parse().map_err(|err: Refused| err.rule.to_owned())
}

pub(super) fn node(text: &str) -> Result<NodeName, String> {
    text.parse().map_err(|err: Refused| err.rule.to_owned())
}

pub(super) fn channel(text: &str) -> Result<ChannelName, String> {
    text.parse().map_err(|err: Refused| err.rule.to_owned())
}

pub(super) fn source(text: &str) -> Result<SourceName, String> {
    text.parse().map_err(|err: Refused| err.rule.to_owned())
}

pub(super) fn incident(text: &str) -> Result<IncidentId, String> {
    text.parse().map_err(|err: Refused| err.rule.to_owned())
}

/// Reads the path of a folder that is there.
pub(super) fn folder(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_dir() { Ok(path) } else { Err("there is no such folder".to_owned()) }
}

pub(super) fn kind(text: &str) -> Result<EventKind, String> {
    EventKind::ALL.iter().copied().find(|kind| kind.to_string() == text).ok_or_else(|| {
        let all: Vec<_> = EventKind::ALL.iter().map(ToString::to_string).collect();
        format!("the kinds are {}", all.join(", "))
    })
}

pub(super) fn step(text: &str) -> Result<StepName, String> {
    let read = serde_json::from_value(text.into());
    read.map_err(|_| {
        "`phoenix status ID -o json` lists the steps of a guest under `way`".to_owned()
    })
}

/// Reads a time: one of a calendar, or how long ago it was.
pub(super) fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    let rule = "a time is written as `2026-11-22T03:00:00Z`, or as how long ago it was: `2h`";
    let ago = duration(text).map_err(|_| rule.to_owned())?;
    Ok(Utc::now() - TimeDelta::from_std(ago).map_err(|_| rule.to_owned())?)
}

/// Reads how long a maintenance lasts.
pub(super) fn maintenance(text: &str) -> Result<Duration, String> {
    let lasting = duration(text)?;
    if lasting.is_zero() || lasting > Duration::from_hours(24) {
        return Err("a maintenance lasts for 24h at most, and not for nothing".to_owned());
    }
    Ok(lasting)
}

/// Reads how long a guest has to stay healthy, in seconds.
pub(super) fn hold(text: &str) -> Result<u32, String> {
    let seconds = duration(text)?.as_secs();
    match u32::try_from(seconds) {
        Ok(seconds @ 1..=86_400) => Ok(seconds),
        Ok(_) | Err(_) => Err("a guest has to stay healthy for `1s` to `24h`".to_owned()),
    }
}

/// Reads `90s`, `30m`, `2h`, `7d`, and several of them in a row.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let rule = || "a duration is written as `90s`, `30m`, `2h` or `7d`".to_owned();
    let (mut rest, mut seconds) = (text, 0_u64);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = rest.split_at(digits);
        let number: u64 = number.parse().map_err(|_| rule())?;
        let mut unit_and_more = unit.chars();
        let each = match unit_and_more.next() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3600,
            Some('d') => 24 * 3600,
            Some(_) | None => return Err(rule()),
        };
        seconds = number.checked_mul(each).and_then(|n| seconds.checked_add(n)).ok_or_else(rule)?;
        rest = unit_and_more.as_str();
    }
    // A century is as good as for ever, and no calendar breaks on it.
    if text.is_empty() || seconds > 100 * 365 * 24 * 3600 {
        return Err(rule());
    }
    Ok(Duration::from_secs(seconds))
}

/// Reads where a collector of traces is.
#[cfg(feature = "otlp")]
pub(super) fn endpoint(text: &str) -> Result<url::Url, String> {
    // What is sent are names, numbers and times; whoever writes `http://` means that.
    phoenix_post::address::read(text, phoenix_post::address::Plain::Anywhere)
        .map_err(|(what, help)| format!("{what}: {help}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_unit_and_never_without() {
        for (text, seconds) in [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("7d", 604_800)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "30", "m", "-1s", "1.5h", "2w", "99999999999999999999s", "999999999d"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_maintenance_has_an_end_that_is_not_far() {
        assert_eq!(maintenance("24h"), Ok(Duration::from_hours(24)));
        for bad in ["0s", "24h1s", "2d"] {
            assert!(maintenance(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_is_one_of_a_calendar_or_so_long_ago() {
        let time = moment("2026-11-22T04:00:00+01:00").unwrap();
        assert_eq!(time.to_rfc3339(), "2026-11-22T03:00:00+00:00");
        let ago = Utc::now() - moment("2h").unwrap();
        assert!((ago - TimeDelta::hours(2)).abs() < TimeDelta::minutes(1));
        for bad in ["", "yesterday", "2026-11-22", "2"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_run_and_a_guest_are_told_apart() {
        assert!(matches!(named("950"), Ok(Named::Guest(_))));
        assert!(matches!(named("r-0199abcd"), Ok(Named::Run(_))));
        assert!(named("r-").is_err() && named("x").is_err());
        let Ok(Named::Guest(vmid)) = named("vm-950") else { panic!("it is what output calls it") };
        assert_eq!(vmid.number(), 950);
        for bad in ["ct-950", "lxc-", "lxc-0950", "lxc-lxc-950", "LXC-950"] {
            assert!(named(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_kind_nobody_knows_is_answered_with_those_there_are() {
        assert_eq!(kind("step-failed"), Ok(EventKind::StepFailed));
        assert!(kind("exploded").unwrap_err().contains("retry-wait"));
    }
}
