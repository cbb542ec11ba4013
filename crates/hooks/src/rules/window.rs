//! When what a rule asks for may be done.

use std::str::FromStr;

use chrono::{DateTime, Datelike as _, Days, NaiveTime, TimeDelta, Utc, Weekday};
use phoenix_domain::Refused;
use serde::{Deserialize, Serialize};

use crate::wrong::{WrongField, note};

/// A window as it is written. Times are in UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawWindow {
    /// The days on which it opens: `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`; all without this.
    #[serde(default)]
    pub days: Option<Vec<String>>,
    /// When it opens: `22:00`. Without this and `to` it is open all day.
    #[serde(default)]
    pub from: Option<String>,
    /// When it closes; what is not after `from` is on the next day.
    #[serde(default)]
    pub to: Option<String>,
}

/// The time in which something may be done, over and over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The days on which it opens; there is one at least.
    days: Vec<Weekday>,
    from: NaiveTime,
    /// How long it is open: a day at most.
    lasts: TimeDelta,
}

impl Window {
    /// Reads one, or says everything that is wrong with it.
    pub fn read(raw: &RawWindow) -> Result<Self, Vec<WrongField>> {
        let mut wrong = Vec::new();
        let days = days(raw.days.as_deref(), &mut wrong);
        let mut time = |field, text: Option<&String>| {
            text.and_then(|text| note(&mut wrong, field, read_time(text)))
        };
        let (from, to) = (time("from", raw.from.as_ref()), time("to", raw.to.as_ref()));
        let rule = "a window has `from` and `to`, or neither of them";
        match (&raw.from, &raw.to) {
            (Some(_), None) => wrong.push(WrongField::new("to", "missing", rule)),
            (None, Some(_)) => wrong.push(WrongField::new("from", "missing", rule)),
            (Some(_), Some(_)) if from.is_some() && from == to => {
                let rule = "a window that is open all day has neither `from` nor `to`";
                wrong.push(WrongField::new("to", "the same as `from`", rule));
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let from = from.unwrap_or_default();
        let length = to.map_or(TimeDelta::zero(), |to| to - from);
        let over = if length <= TimeDelta::zero() { TimeDelta::days(1) } else { TimeDelta::zero() };
        Ok(Self { days, from, lasts: length + over })
    }

    /// Returns when it is open the next time: now, if it is open.
    pub fn opens(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        // What opened yesterday may be open still; a week later every day has come.
        let first = now.date_naive().checked_sub_days(Days::new(1));
        let days = first.into_iter().flat_map(|first| first.iter_days().take(9));
        let openings = days
            .filter(|day| self.days.contains(&day.weekday()))
            .map(|day| day.and_time(self.from).and_utc());
        let mut ahead = openings.filter(|opening| *opening + self.lasts > now);
        ahead.next().map_or(now, |opening| opening.max(now))
    }

    /// Says whether it is open.
    pub fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.opens(now) == now
    }
}

fn days(raw: Option<&[String]>, wrong: &mut Vec<WrongField>) -> Vec<Weekday> {
    let Some(raw) = raw else {
        return std::iter::successors(Some(Weekday::Mon), |day| Some(day.succ())).take(7).collect();
    };
    if raw.is_empty() {
        wrong.push(WrongField::new("days", "empty", "leave it out, where every day is meant"));
    }
    let read = raw.iter().enumerate();
    read.filter_map(|(at, text)| note(wrong, &format!("days[{at}]"), read_day(text))).collect()
}

fn read_day(text: &str) -> Result<Weekday, Refused> {
    let rule = "a day is one of mon, tue, wed, thu, fri, sat, sun";
    let day = Weekday::from_str(text).ok().filter(|_| text.len() == 3);
    day.ok_or_else(|| Refused::new(text, "a day", rule))
}

fn read_time(text: &str) -> Result<NaiveTime, Refused> {
    let refused = || Refused::new(text, "a time", "a time is written `02:30`, in UTC");
    let is_time = text.len() == 5 && text.is_ascii();
    let time = NaiveTime::parse_from_str(text, "%H:%M").ok();
    time.filter(|_| is_time).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(days: Option<&[&str]>, times: Option<(&str, &str)>) -> Window {
        let days = days.map(|days| days.iter().map(|&day| day.to_owned()).collect());
        let (from, to) = times.map(|(from, to)| (from.to_owned(), to.to_owned())).unzip();
        Window::read(&RawWindow { days, from, to }).unwrap()
    }

    fn at(text: &str) -> DateTime<Utc> {
        // The 23rd of November 2026 is a Monday.
        format!("2026-11-{text}:00Z").parse().unwrap()
    }

    #[test]
    fn a_window_is_open_from_its_first_minute_until_before_its_last() {
        let nights = window(Some(&["mon"]), Some(("02:00", "04:30")));

        for (now, opens) in [
            ("23T01:59", "23T02:00"),
            ("23T02:00", "23T02:00"),
            ("23T04:29", "23T04:29"),
            ("23T04:30", "30T02:00"),
            ("24T03:00", "30T02:00"),
            ("22T03:00", "23T02:00"),
        ] {
            assert_eq!(nights.opens(at(now)), at(opens), "{now}");
            assert_eq!(nights.is_open(at(now)), now == opens, "{now}");
        }
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_it_opens() {
        let weekend = window(Some(&["sat", "sun"]), Some(("22:00", "06:00")));

        for (now, opens) in [
            ("28T21:00", "28T22:00"),
            ("29T05:59", "29T05:59"),
            ("29T06:00", "29T22:00"),
            ("30T05:00", "30T05:00"),
            ("28T05:00", "28T22:00"),
        ] {
            assert_eq!(weekend.opens(at(now)), at(opens), "{now}");
        }
    }

    #[test]
    fn without_times_it_is_open_all_day_and_without_days_every_day() {
        let fridays = window(Some(&["fri"]), None);
        assert_eq!(fridays.opens(at("26T23:59")), at("27T00:00"));
        assert_eq!(fridays.opens(at("27T23:59")), at("27T23:59"));
        assert!(window(None, None).is_open(at("25T12:34")));
        assert_eq!(window(None, Some(("00:00", "01:00"))).opens(at("25T12:34")), at("26T00:00"));
    }

    #[test]
    fn what_is_wrong_with_a_window_is_told_by_its_field() {
        for (raw, field) in [
            (r#"{"days": []}"#, "days"),
            (r#"{"days": ["mon", "tues"]}"#, "days[1]"),
            (r#"{"from": "2:00", "to": "04:00"}"#, "from"),
            (r#"{"from": "02:00", "to": "24:00"}"#, "to"),
            (r#"{"from": "02:00", "to": "02:00"}"#, "to"),
            (r#"{"from": "02:00"}"#, "to"),
            (r#"{"to": "02:00"}"#, "from"),
        ] {
            let wrong = Window::read(&serde_json::from_str(raw).unwrap()).unwrap_err();
            let fields: Vec<_> = wrong.iter().map(|wrong| wrong.field.as_str()).collect();
            assert_eq!(fields, [field], "{raw}");
        }
    }
}
