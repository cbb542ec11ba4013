//! What stands in each pane, line by line.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use phoenix_bus::Approval;
use phoenix_domain::{GuestKey, Record, RunId, Standing};

use super::signs::Sign;
use super::state::Pane;
use crate::site::{Site, not_well, ordered};
use crate::status::{self, Around};
use crate::words;

/// A line of a pane: how that is, and its columns.
pub(super) struct Line {
    pub(super) sign: Sign,
    pub(super) cells: Vec<String>,
}

/// Returns the guests of a pane, in the order of its lines.
pub(super) fn guests(pane: Pane, site: &Site, filter: &str) -> Vec<GuestKey> {
    match pane {
        Pane::Fleet => fleet(site, filter).into_iter().map(|(guest, _)| guest).collect(),
        Pane::Queue => fleet(site, filter)
            .into_iter()
            .map(|(guest, _)| guest)
            .filter(|guest| site.states.record(*guest).is_some_and(is_waiting))
            .collect(),
        Pane::Questions | Pane::Incidents | Pane::Runs | Pane::Workers => Vec::new(),
    }
}

/// Returns how many lines a pane has.
pub(super) fn count(pane: Pane, site: &Site, filter: &str) -> usize {
    match pane {
        Pane::Fleet | Pane::Queue => guests(pane, site, filter).len(),
        Pane::Questions => site.approvals.len(),
        Pane::Incidents => site.open_incidents().len(),
        Pane::Runs => runs(site).len(),
        Pane::Workers => site.hosts.len(),
    }
}

/// Returns the guests that the filter lets through, and how deep each stands.
pub(super) fn fleet(site: &Site, filter: &str) -> Vec<(GuestKey, usize)> {
    let wanted = filter.trim().to_lowercase();
    let mut guests = ordered(&site.states);
    if !wanted.is_empty() {
        guests.retain(|(guest, _)| is_wanted(site, *guest, &wanted));
    }
    guests
}

fn is_wanted(site: &Site, guest: GuestKey, wanted: &str) -> bool {
    let Some(record) = site.states.record(guest) else { return false };
    let health = site.health(guest).map(|(_, at, _)| at.to_string()).unwrap_or_default();
    let (name, host) = (words::name(record), &record.desired.host);
    let text = format!("{} {name} {host} {} {health}", guest.vmid, status::state(record));
    text.to_lowercase().contains(wanted)
}

/// Returns the line of a guest.
pub(super) fn guest(
    site: &Site,
    guest: GuestKey,
    depth: usize,
    now: DateTime<Utc>,
) -> Option<Line> {
    let record = site.states.record(guest)?;
    let around = Around { states: &site.states, hosts: Some(&site.hosts), now };
    let below = if depth > 0 { format!("{}└ ", "  ".repeat(depth - 1)) } else { String::new() };
    let step = status::step(record);
    let phase = if step.is_empty() { record.work.phase.to_string() } else { step };
    let health =
        site.health(guest).map(|(_, at, _)| format!("{} {at}", Sign::of_condition(*at).text()));
    let cells = vec![
        format!("{below}{}", words::line(&words::guest(guest, &words::name(record)))),
        status::state(record).to_owned(),
        phase,
        health.unwrap_or_else(|| "not watched".to_owned()),
        words::brief(now - site.states.since(guest)),
        record.desired.host.to_string(),
        words::line(&status::next(&around, record)),
    ];
    Some(Line { sign: Sign::of(record), cells })
}

/// Returns the lines of what people are asked before something is done because of a push.
pub(super) fn questions(site: &Site, now: DateTime<Utc>) -> Vec<Line> {
    let line = |asked: &Approval| {
        let cells = vec![
            asked.run.to_string(),
            words::brief(now - asked.since),
            words::line(&asked.question),
        ];
        Line { sign: Sign::Bad, cells }
    };
    site.approvals.iter().map(line).collect()
}

/// Returns the lines of open incidents.
pub(super) fn incidents(site: &Site, now: DateTime<Utc>) -> Vec<Line> {
    let line = |incident: &&phoenix_domain::health::Incident| {
        let seen = incident.acked().map(|ack| format!(" (seen by {})", words::line(&ack.by)));
        let cells = vec![
            incident.id.to_string(),
            incident.severity.to_string(),
            words::brief(now - incident.opened),
            format!("{}{}", words::line(&incident.text), seen.unwrap_or_default()),
        ];
        Line { sign: Sign::Bad, cells }
    };
    site.open_incidents().iter().map(line).collect()
}

/// Returns the lines of runs at work: how many of their guests are how.
pub(super) fn runs(site: &Site) -> Vec<Line> {
    let mut runs: BTreeMap<&RunId, (String, BTreeMap<&'static str, usize>)> = BTreeMap::new();
    let mut is_at_work: BTreeMap<&RunId, bool> = BTreeMap::new();
    for record in site.states.records() {
        let run = &record.desired.run;
        let (_, counts) =
            runs.entry(run).or_insert_with(|| (words::line(&record.desired.by), BTreeMap::new()));
        *counts.entry(status::state(record)).or_default() += 1;
        *is_at_work.entry(run).or_default() |= !record.is_settled();
    }
    let at_work = runs.into_iter().filter(|(run, _)| is_at_work.get(run) == Some(&true));
    let line = |(run, (by, counts)): (&RunId, (String, BTreeMap<&'static str, usize>))| {
        let counts: Vec<_> =
            counts.into_iter().map(|(state, count)| format!("{count} {state}")).collect();
        Line { sign: Sign::Busy, cells: vec![run.to_string(), by, counts.join(", ")] }
    };
    at_work.map(line).collect()
}

/// Returns the line of a guest that waits, and for what.
pub(super) fn waiting(site: &Site, guest: GuestKey, now: DateTime<Utc>) -> Option<Line> {
    let record = site.states.record(guest)?;
    let around = Around { states: &site.states, hosts: Some(&site.hosts), now };
    let cells = vec![
        words::line(&words::guest(guest, &words::name(record))),
        words::brief(now - site.states.since(guest)),
        words::line(&status::waits(&around, record)),
    ];
    Some(Line { sign: Sign::of(record), cells })
}

fn is_waiting(record: &Record) -> bool {
    match record.work.standing {
        Standing::Requested
        | Standing::RetryWait { .. }
        | Standing::BlockedBy { .. }
        | Standing::Blocked { .. } => true,
        Standing::Working
        | Standing::Completed
        | Standing::Failed
        | Standing::Dead { .. }
        | Standing::Cancelled => false,
    }
}

/// Returns the lines of workers.
pub(super) fn workers(site: &Site, now: DateTime<Utc>) -> Vec<Line> {
    let line = |report: &phoenix_bus::HostReport| {
        let is_alive = report.is_alive(now);
        let heard = words::brief(now - report.heard);
        let is = match (is_alive, &report.drained) {
            (true, None) => "alive".to_owned(),
            (true, Some(_)) => "drained".to_owned(),
            (false, _) => format!("silent {heard}"),
        };
        let not_well = not_well(&report.facts);
        let sign = if is_alive && not_well.is_empty() { Sign::Good } else { Sign::Bad };
        let not_well = if not_well.is_empty() {
            not_well
        } else {
            format!("not well: {}", words::line(&not_well))
        };
        let cells = vec![
            report.host.to_string(),
            is,
            format!("{} at work", report.busy),
            words::line(&report.version),
            not_well,
        ];
        Line { sign, cells }
    };
    site.hosts.iter().map(line).collect()
}
