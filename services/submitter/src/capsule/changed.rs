//! What has changed since a guest was good: what is wanted of it, what was done to it, and its host.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use phoenix_bus::HostReport;
use phoenix_domain::{Event, Fact, Record};
use serde::{Deserialize as _, Serialize};
use serde_json::Value;

use super::line;
use crate::site::not_well;
use crate::words;

/// Versions by name.
type Tools = BTreeMap<String, String>;

/// How long a value may be that is shown.
const SHOWN: usize = 100;

/// What has changed since a guest was good.
#[derive(Debug, Default, Serialize)]
pub(super) struct Changed {
    /// When it was good; absent where it never was, as far as is kept.
    pub(super) good: Option<DateTime<Utc>>,
    /// When it began to go back to how it was then; absent where it did not.
    pub(super) back: Option<DateTime<Utc>>,
    /// What is wanted otherwise, by property, or was until it went back.
    pub(super) wanted: Vec<Difference>,
    /// What was done to it.
    pub(super) done: Vec<String>,
    /// Packages that were installed or upgraded in it, as its logs tell.
    pub(super) packages: Vec<String>,
    /// What is otherwise on its host.
    pub(super) host: Vec<String>,
}

/// One property that is wanted otherwise.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    pub(super) property: String,
    pub(super) was: String,
    pub(super) is: String,
}

impl Changed {
    /// Compares a guest with how it was when it was good, the last of `until`; `behind` is what
    /// happened since. What it went back from counts, and not that it is wanted again as it was.
    pub(super) fn since(
        until: &[Event],
        record: &Record,
        behind: &[Event],
        report: Option<&HostReport>,
    ) -> Self {
        let good = until.last();
        let mut changed = Self { good: good.map(|event| event.time), ..Self::default() };
        let is_return = |event: &Event| matches!(event.fact, Fact::ReturnBegun(_));
        let returned = record.gone_back().and_then(|_| behind.iter().rposition(is_return));
        changed.back = returned.and_then(|at| behind.get(at)).map(|event| event.time);
        let before = returned.and_then(|at| behind.get(at.checked_sub(1)?));
        if let Some(was) = good.map(|event| &event.state.desired) {
            let is = before.map_or(&record.desired, |event| &event.state.desired);
            if was.digest != is.digest {
                let (was, is) = (spec(&was.spec), spec(&is.spec));
                differences("", &was, &is, &mut changed.wanted);
            }
        }
        for event in behind {
            let said = match &event.fact {
                Fact::StepTaken(taken) => {
                    let done = taken.changes.iter();
                    changed.done.extend(done.map(|one| format!("{}: {}", taken.step, line(one))));
                    taken.said.as_slice()
                }
                Fact::StepFailed(failed) => failed.failure.output.as_slice(),
                Fact::Requested(_)
                | Fact::RepairRequested(_)
                | Fact::CancelRequested(_)
                | Fact::Answered(_)
                | Fact::Claimed(_)
                | Fact::RetryWait(_)
                | Fact::Blocked(_)
                | Fact::Completed(_)
                | Fact::RestartBegun(_)
                | Fact::Drifted(_)
                | Fact::Failed(_)
                | Fact::ReturnBegun(_)
                | Fact::DeadLettered(_)
                | Fact::Cancelled(_) => &[],
            };
            let lines = said.iter().flat_map(|text| words::lines(text));
            for package in lines.filter_map(|line| package(&line)) {
                if !changed.packages.contains(&package) {
                    changed.packages.push(package);
                }
            }
        }
        changed.host = report.map(|report| of_host(report, changed.good)).unwrap_or_default();
        let of_report =
            |report: &HostReport| Tools::deserialize(report.inventory.get("tools")?).ok();
        let is = report.and_then(of_report);
        let is = is.or_else(|| tools(behind).cloned()).unwrap_or_default();
        changed.host.extend(tools(until).map(|was| versions(was, &is)).unwrap_or_default());
        changed
    }
}

/// Returns the versions of what a host worked with when it took a guest last.
fn tools(events: &[Event]) -> Option<&Tools> {
    events.iter().rev().find_map(|event| {
        if let Fact::Claimed(claimed) = &event.fact { Some(&claimed.tools) } else { None }
    })
}

/// Says which are others. What is not known on both sides is not guessed at.
fn versions(was: &Tools, is: &Tools) -> Vec<String> {
    let both = was.iter().filter_map(|(name, was)| Some((name, was, is.get(name)?)));
    both.filter(|(_, was, is)| was != is)
        .map(|(name, was, is)| line(&format!("{name} {was} -> {is}")))
        .collect()
}

fn spec(text: &phoenix_domain::SpecText) -> Value {
    serde_json::to_value(text).unwrap_or_default()
}

/// Compares two values, and names what differs by its way in them.
fn differences(way: &str, was: &Value, is: &Value, found: &mut Vec<Difference>) {
    if was == is {
        return;
    }
    let (Value::Object(was), Value::Object(is)) = (was, is) else {
        found.push(Difference { property: line(way), was: shown(was), is: shown(is) });
        return;
    };
    let keys: std::collections::BTreeSet<_> = was.keys().chain(is.keys()).collect();
    for key in keys {
        let below = if way.is_empty() { key.clone() } else { format!("{way}.{key}") };
        let of = |object: &serde_json::Map<String, Value>| object.get(key).cloned();
        let (was, is) = (of(was).unwrap_or_default(), of(is).unwrap_or_default());
        differences(&below, &was, &is, found);
    }
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    words::shortened(&line(&text), SHOWN)
}

/// Returns the package that a line of a package manager tells of, and what became of it.
fn package(line: &str) -> Option<String> {
    let line = line.trim();
    if let Some(names) = line.strip_prefix("Successfully installed ") {
        return Some(format!("installed {}", super::line(names)));
    }
    let told = line.trim_end_matches([' ', '.']);
    let version = |text: &str| Some(text.split_once('(')?.1.split(')').next()?.to_owned());
    if let Some(rest) = told.strip_prefix("Unpacking ") {
        let (new, old) = rest.split_once(" over ")?;
        let name = new.split_whitespace().next()?;
        return Some(super::line(&format!("{name} {} -> {}", version(old)?, version(new)?)));
    }
    let rest = told.strip_prefix("Setting up ")?;
    let name = rest.split_whitespace().next().filter(|name| !name.starts_with('('))?;
    Some(super::line(&format!("{name} {}", version(rest)?)))
}

fn of_host(report: &HostReport, good: Option<DateTime<Utc>>) -> Vec<String> {
    let mut host = Vec::new();
    if good.is_some_and(|good| good < report.started) {
        let (version, started) = (line(&report.version), words::time(report.started));
        host.push(format!("its worker, version {version}, was started at {started}"));
    }
    let not_well = not_well(&report.facts);
    if !not_well.is_empty() {
        host.push(format!("not well now: {}", line(&not_well)));
    }
    host
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_found_in_what_their_managers_say() {
        for (line, told) in [
            ("Setting up nginx (1.22.1-9) ...", Some("nginx 1.22.1-9")),
            (
                "Unpacking libc6:amd64 (2.36-9) over (2.36-8) ...",
                Some("libc6:amd64 2.36-8 -> 2.36-9"),
            ),
            ("Successfully installed vllm-0.9.1 torch-2.7", Some("installed vllm-0.9.1 torch-2.7")),
            ("Unpacking nginx (1.22.1-9) ...", None),
            ("Setting up the database", None),
            ("Setting up (", None),
        ] {
            assert_eq!(package(line).as_deref(), told, "{line}");
        }
    }

    #[test]
    fn what_is_wanted_otherwise_is_named_by_its_way() {
        let was = serde_json::json!({ "memory": 512, "body": { "swap": 1 }, "features": ["a"] });
        let is =
            serde_json::json!({ "memory": 1024, "body": { "swap": 1 }, "features": ["a", "b"] });
        let mut found = Vec::new();
        differences("", &was, &is, &mut found);
        let found: Vec<_> =
            found.iter().map(|one| format!("{} {} {}", one.property, one.was, one.is)).collect();
        assert_eq!(found, [r#"features ["a"] ["a","b"]"#, "memory 512 1024"]);
    }
}
