//! How guests are, as people and programs read it.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use phoenix_bus::HostReport;
use phoenix_domain::{Goal, GuestKey, Record, Safety, Standing};
use serde_json::{Value, json};

use crate::nodes;
use crate::states::States;
use crate::table::{rows, table};
use crate::words;

/// What is known when guests are looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around<'a> {
    pub(crate) states: &'a States,
    /// What hosts say of themselves; absent where things are shown as they were once.
    pub(crate) hosts: Option<&'a [HostReport]>,
    pub(crate) now: DateTime<Utc>,
}

/// Returns guests, one a line.
pub(crate) fn list(around: &Around<'_>, guests: &[GuestKey]) -> String {
    let rows: Vec<_> = guests
        .iter()
        .filter_map(|guest| {
            let record = around.states.record(*guest)?;
            let work = &record.work;
            Some([
                guest.vmid.to_string(),
                words::name(record),
                record.desired.host.to_string(),
                record.desired.goal.to_string(),
                state(record).to_owned(),
                work.phase.to_string(),
                step(record),
                words::span(around.now - around.states.since(*guest)),
                attempt(record),
                words::addresses(&work.addresses),
                words::shortened(&next(around, record), 80),
            ])
        })
        .collect();
    let head = [
        "GUEST",
        "NAME",
        "HOST",
        "GOAL",
        "STATE",
        "PHASE",
        "STEP",
        "SINCE",
        "ATTEMPT",
        "ADDRESS",
        "NEXT/ERROR",
    ];
    table(head, &rows)
}

/// Returns everything about one guest.
pub(crate) fn details(around: &Around<'_>, guest: GuestKey) -> String {
    let Some(record) = around.states.record(guest) else { return String::new() };
    let (desired, work) = (&record.desired, &record.work);
    let since = around.states.since(guest);
    let for_so_long = words::span(around.now - since);
    let mut facts = vec![
        ("state", format!("{} since {} ({for_so_long})", state(record), words::time(since))),
        ("goal", desired.goal.to_string()),
        ("safely", safely(record)),
        ("phase", work.phase.to_string()),
        ("step", step(record)),
        ("waits", waits(around, record)),
        ("host", host(around, record)),
        ("class", desired.class.to_string()),
        ("wanted", format!("{}, revision {}", desired.digest.short(), desired.revision)),
        (
            "asked",
            format!(
                "run {} by {} ({})",
                desired.run,
                words::line(&desired.by),
                words::cause(&desired.cause)
            ),
        ),
    ];
    if work.revision != desired.revision {
        facts.push(("worked on", format!("still revision {}", work.revision)));
    }
    if let Some(claim) = &work.claim {
        facts.push(("worker", claim.worker.to_string()));
    }
    let addresses: Vec<_> = work.addresses.iter().map(ToString::to_string).collect();
    facts.push(("addresses", addresses.join(", ")));
    let drift: Vec<_> = work.drift.iter().map(|change| words::line(change)).collect();
    facts.push(("drift", drift.join("\n")));
    // What is to go waits for those above it.
    let first = if desired.goal.is_downwards() { "goes after" } else { "stands on" };
    facts.push((first, around.guests(desired.stands_on.iter().copied())));
    facts.push(("under", around.guests(around.states.above(guest))));
    let mut text =
        format!("{} ({guest})\n{}", words::guest(guest, &words::name(record)), rows(&facts));
    if let Some(failure) = &work.failure {
        let output = failure.output.as_deref().map(words::lines).unwrap_or_default();
        let title =
            if words::is_waiting(record) { "what it waits for" } else { "what went wrong last" };
        // A String takes everything that is written to it.
        let _written = writeln!(text, "\n{title}:");
        text.push_str(&rows(&[
            ("when", format!("{}, {} so far", words::time(failure.at), failures(record))),
            ("step", failure.step.map(|step| words::step(record, step)).unwrap_or_default()),
            ("change", failure.change.as_deref().map(words::line).unwrap_or_default()),
            ("failed", words::line(&failure.what)),
            ("advice", failure.advice.as_deref().map(words::line).unwrap_or_default()),
            ("output", output.join("\n")),
        ]));
    }
    if let Some(command) = command(around, record).filter(|_| around.hosts.is_some()) {
        // A String takes everything that is written to it.
        let _written = writeln!(text, "\nnext: {command}");
    }
    text
}

/// Returns a guest for programs.
pub(crate) fn json(around: &Around<'_>, guest: GuestKey) -> Option<Value> {
    let record = around.states.record(guest)?;
    let (desired, work) = (&record.desired, &record.work);
    Some(json!({
        "guest": guest,
        "vmid": guest.vmid,
        "name": words::name(record),
        "host": desired.host,
        "workerAlive": around.is_alive(record),
        "state": state(record),
        "goal": desired.goal.to_string(),
        "standing": work.standing,
        "isSettled": record.is_settled(),
        "phase": work.phase,
        "step": record.step().filter(|_| !record.is_settled()),
        "way": work.way,
        "taken": work.taken,
        "since": words::time(around.states.since(guest)),
        "attempts": work.attempts,
        "failure": work.failure,
        "addresses": work.addresses,
        "drift": work.drift,
        "claim": work.claim,
        "revision": desired.revision,
        "workedOnRevision": work.revision,
        "run": desired.run,
        "by": desired.by,
        "cause": desired.cause,
        "class": desired.class,
        "digest": desired.digest,
        "cancelled": desired.cancelled,
        "standsOn": desired.stands_on,
        "after": desired.after,
        "safety": safety(record),
        "next": next(around, record),
    }))
}

impl Around<'_> {
    /// Returns guests with their states.
    fn guests(&self, guests: impl Iterator<Item = GuestKey>) -> String {
        let lines: Vec<_> = guests
            .map(|guest| match self.states.record(guest) {
                Some(record) => {
                    format!("{}: {}", words::guest(guest, &words::name(record)), state(record))
                }
                None => format!("{}: never submitted", guest.vmid),
            })
            .collect();
        lines.join("\n")
    }

    fn report(&self, record: &Record) -> Option<&HostReport> {
        self.hosts.unwrap_or_default().iter().find(|report| report.host == record.desired.host)
    }

    fn is_alive(&self, record: &Record) -> bool {
        self.report(record).is_some_and(|report| report.is_alive(self.now))
    }
}

/// Says how the guest goes back, or that it went back.
fn safely(record: &Record) -> String {
    match &record.desired.safety {
        None => String::new(),
        Some(Safety::Guarded { .. }) if record.is_complete() => String::new(),
        Some(Safety::Guarded { hold_s, back, .. }) => {
            let held = words::span(TimeDelta::seconds(i64::from(*hold_s)));
            format!("goes back to {} unless it stays healthy for {held}", back.digest.short())
        }
        Some(Safety::Returned { why, letter, .. }) => {
            format!(
                "what was asked for was given up: {}; `phoenix dead show {letter}`",
                words::line(why)
            )
        }
    }
}

/// Returns the same for programs; the spec it goes back to is long, and in the log.
fn safety(record: &Record) -> Value {
    match &record.desired.safety {
        None => Value::Null,
        Some(Safety::Guarded { snapshot, hold_s, back }) => {
            json!({ "is": "guarded", "snapshot": snapshot, "holdSeconds": hold_s, "back": back.digest })
        }
        Some(Safety::Returned { snapshot, why, letter }) => {
            json!({ "is": "returned", "snapshot": snapshot, "why": why, "letter": letter })
        }
    }
}

/// All words for how a guest is.
pub(crate) const STATES: [&str; 19] = [
    "requested",
    "working",
    "restarting",
    "stopping",
    "waiting",
    "retry-wait",
    "blocked",
    "question",
    "completed",
    "started",
    "stopped",
    "restarted",
    "repaired",
    "made again",
    "gone",
    "gone-back",
    "failed",
    "dead",
    "cancelled",
];

/// Returns one word for how a guest is.
pub(crate) fn state(record: &Record) -> &'static str {
    let is_newest = record.work.revision == record.desired.revision;
    match record.work.standing {
        Standing::Working if !is_newest => "restarting",
        Standing::Working if record.desired.cancelled => "stopping",
        Standing::Working => "working",
        _ if !is_newest => "requested",
        Standing::Requested => "requested",
        Standing::RetryWait { .. } if words::is_waiting(record) => "waiting",
        Standing::RetryWait { .. } => "retry-wait",
        Standing::BlockedBy { .. } => "blocked",
        Standing::Blocked { .. } => "question",
        Standing::Completed if record.gone_back().is_some() => "gone-back",
        Standing::Completed => words::done(record.desired.goal),
        Standing::Failed => "failed",
        Standing::Dead { .. } => "dead",
        Standing::Cancelled => "cancelled",
    }
}

/// Returns the step it is at, where it is on its way.
pub(crate) fn step(record: &Record) -> String {
    match record.work.standing {
        Standing::Completed | Standing::Requested => None,
        Standing::Working
        | Standing::RetryWait { .. }
        | Standing::BlockedBy { .. }
        | Standing::Blocked { .. }
        | Standing::Failed
        | Standing::Dead { .. }
        | Standing::Cancelled => record.step(),
    }
    .map(|step| words::step(record, step))
    .unwrap_or_default()
}

/// Returns which attempt is made now, or will be, or was the last.
fn attempt(record: &Record) -> String {
    let attempts = record.work.attempts;
    match record.work.standing {
        Standing::RetryWait { .. } if words::is_waiting(record) => String::new(),
        Standing::Working | Standing::RetryWait { .. } => (attempts + 1).to_string(),
        Standing::Failed | Standing::Dead { .. } => attempts.to_string(),
        Standing::Requested
        | Standing::BlockedBy { .. }
        | Standing::Blocked { .. }
        | Standing::Completed
        | Standing::Cancelled => String::new(),
    }
}

/// Says what it waits for; what went wrong is told elsewhere.
pub(crate) fn waits(around: &Around<'_>, record: &Record) -> String {
    match record.work.standing {
        Standing::RetryWait { at } if words::is_waiting(record) => {
            format!("looks again at {}; waiting costs no attempt", words::time(at))
        }
        Standing::RetryWait { at } => {
            format!("attempt {} at {}", record.work.attempts + 1, words::time(at))
        }
        Standing::Failed | Standing::Dead { .. } => String::new(),
        Standing::Working
        | Standing::Requested
        | Standing::BlockedBy { .. }
        | Standing::Blocked { .. }
        | Standing::Completed
        | Standing::Cancelled => next(around, record),
    }
}

/// Says what happens next, or what is in the way.
pub(crate) fn next(around: &Around<'_>, record: &Record) -> String {
    let work = &record.work;
    let failed = || {
        let failure = work.failure.as_ref();
        failure.map(|failure| words::failure(record, failure)).unwrap_or_default()
    };
    match &work.standing {
        Standing::Completed if !work.drift.is_empty() => words::drift(&work.drift),
        Standing::Working if is_drained(around, record) => {
            format!("stands still, as {} is drained", record.desired.host)
        }
        Standing::Working if is_left_alone(around, record) => {
            format!("waits for a worker on {}", record.desired.host)
        }
        Standing::Working | Standing::Completed | Standing::Cancelled => String::new(),
        Standing::Requested => waits_for(around, record),
        Standing::RetryWait { at } if words::is_waiting(record) => {
            format!("waits, looks again at {}: {}", words::time(*at), failed())
        }
        Standing::RetryWait { at } => {
            format!("again at {}: {}", words::time(*at), failed())
        }
        Standing::BlockedBy { guest, root } => words::blocked_by(*guest, *root),
        Standing::Blocked { question, .. } => words::line(question),
        Standing::Failed | Standing::Dead { .. } => failed(),
    }
}

/// Says whether nothing is begun where a guest lives.
fn is_drained(around: &Around<'_>, record: &Record) -> bool {
    around.report(record).is_some_and(|report| report.drained.is_some())
}

/// Says whether nobody is at a guest who could go on with it.
pub(crate) fn is_left_alone(around: &Around<'_>, record: &Record) -> bool {
    let is_alone = around.hosts.is_some() && !around.is_alive(record);
    !record.is_settled() && (is_alone || is_drained(around, record))
}

fn waits_for(around: &Around<'_>, record: &Record) -> String {
    let is_open = |below: &GuestKey| {
        let below = around.states.record(*below);
        below.is_none_or(|one| !one.lets(record.desired.goal))
    };
    let below: Vec<_> = record.desired.waits_for().filter(is_open).collect();
    if below.is_empty() && is_drained(around, record) {
        return format!("waits, as {} is drained", record.desired.host);
    }
    if below.is_empty() {
        return format!("waits for a worker on {}", record.desired.host);
    }
    let below: Vec<_> = below.iter().map(|below| below.vmid.to_string()).collect();
    format!("waits for {}", below.join(", "))
}

fn host(around: &Around<'_>, record: &Record) -> String {
    let host = &record.desired.host;
    match around.report(record) {
        None if around.hosts.is_none() => host.to_string(),
        None => format!("{host}; no worker has been seen there"),
        Some(HostReport { drained: Some(drain), .. }) => {
            format!("{host}, {}", nodes::drained(drain))
        }
        Some(report) if report.is_alive(around.now) => {
            format!("{host}; its worker is alive since {}", words::time(report.started))
        }
        Some(report) => {
            format!("{host}; no worker has been heard there since {}", words::time(report.heard))
        }
    }
}

fn failures(record: &Record) -> String {
    words::count(usize::try_from(record.work.attempts).unwrap_or(0), "failure", "failures")
}

/// Returns what a human may want to type.
pub(crate) fn command(around: &Around<'_>, record: &Record) -> Option<String> {
    let vmid = record.guest.vmid;
    if !record.is_settled() && is_drained(around, record) {
        return Some(format!("`phoenix drain {} --end` has it worked on", record.desired.host));
    }
    match &record.work.standing {
        Standing::Requested | Standing::Working if !around.is_alive(record) => {
            Some(format!("start a worker on {}: `phoenix worker`", record.desired.host))
        }
        Standing::Requested | Standing::Working => Some(words::follow(&record.desired.run)),
        Standing::RetryWait { .. } => Some(format!("`phoenix retry {vmid}` tries it now")),
        Standing::BlockedBy { root, .. } => {
            Some(format!("`phoenix explain {}` says why", root.vmid))
        }
        Standing::Blocked { advice, .. } => {
            Some(format!("{}; {}", words::line(advice), words::remedy(record)))
        }
        Standing::Dead { letter } => {
            Some(format!("`phoenix dead show {letter}` tells its story; {}", words::remedy(record)))
        }
        Standing::Cancelled => Some(format!("`phoenix retry {vmid}` goes on")),
        Standing::Completed if record.work.drift.is_empty() => match record.desired.goal {
            _ if let Some((_, letter)) = record.gone_back() => Some(format!(
                "`phoenix dead show {letter}` tells why it went back; mend its file, then `phoenix submit {vmid}`"
            )),
            Goal::Stopped => Some(format!("`phoenix start {vmid}` starts it")),
            Goal::Absent { .. } => Some(format!("`phoenix submit {vmid}` builds it again")),
            Goal::Present
            | Goal::Adopted
            | Goal::Running
            | Goal::Restarted
            | Goal::Repaired { .. } => None,
        },
        Standing::Completed => Some(format!("`phoenix submit {vmid}` mends it")),
        Standing::Failed => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asking::tests::{guest, report, site, time};

    fn around(
        states: &States,
        hosts: &[HostReport],
        show: impl Fn(&Around<'_>) -> String,
    ) -> String {
        show(&Around { states, hosts: Some(hosts), now: time() + TimeDelta::minutes(5) })
    }

    #[test]
    fn a_list_says_of_each_guest_how_it_is_and_what_is_in_the_way() {
        let states = States::of(site());
        let guests: Vec<_> = states.guests().collect();
        insta::assert_snapshot!(around(&states, &[], |around| list(around, &guests)));
    }

    #[test]
    fn one_guest_is_shown_with_its_trouble_and_what_to_type() {
        let states = States::of(site());
        let hosts = [report("pve1", time() + TimeDelta::minutes(5))];
        let text: String = [901, 902, 903, 904]
            .map(|vmid| around(&states, &hosts, |around| details(around, guest(vmid))))
            .join("\n---\n");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn programs_are_told_the_same() {
        let states = States::of(site());
        let json =
            json(&Around { states: &states, hosts: Some(&[]), now: time() }, guest(901)).unwrap();
        assert_eq!((&json["state"], &json["attempts"]), (&json!("retry-wait"), &json!(1)));
        assert_eq!(json["failure"]["what"], "`pct set` ended with 255");
        assert!(json.get("spec").is_none(), "a spec is long and was asked for elsewhere");
    }
}
