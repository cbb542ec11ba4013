//! What lies over the screen: a guest with what happened to it, an incident, and the keys.

use chrono::{DateTime, Utc};
use phoenix_domain::health::{IncidentId, Try};
use phoenix_domain::{GuestKey, RunId};

use super::state::Past;
use crate::severity::Severity;
use crate::site::Site;
use crate::status::{self, Around};
use crate::words;

/// How many of the last events are shown.
const EVENTS: usize = 50;

const HELP: &[&str] = &[
    "q, Ctrl-C     end",
    "up down j k   go one line; PageUp PageDown a page; g G to the first and the last",
    "Tab           go to the next pane; Shift-Tab back",
    "Enter         show the guest, the incident or the question, and what can be typed about it",
    "/             show only guests with this in their number, name, host, state or health",
    "Esc           close what is open; else show all guests",
    "?             these keys",
    "",
    "✓ well   … on its way   ✗ not well, or waits for somebody",
];

/// Returns the lines about the keys.
pub(super) fn help() -> Vec<String> {
    HELP.iter().map(|line| (*line).to_owned()).collect()
}

/// Returns the lines about a guest: what to type, how it is, and what happened to it, the latest first.
pub(super) fn guest(site: &Site, guest: GuestKey, past: &Past, now: DateTime<Utc>) -> Vec<String> {
    let around = Around { states: &site.states, hosts: Some(&site.hosts), now };
    let vmid = guest.vmid;
    let mut lines = vec![
        format!("type: phoenix explain {vmid}   phoenix logs {vmid}   phoenix history {vmid}"),
        String::new(),
    ];
    lines.extend(words::lines(&status::details(&around, guest)));
    if let Some(seen) = site.seen.get(&guest) {
        lines.push(String::new());
        let probes = seen.probes.iter().map(|(probe, at, since)| {
            format!(
                "health: {} finds it {at} for {}",
                words::line(&probe.name),
                words::span(now - *since)
            )
        });
        lines.extend(probes);
    }
    lines.push(String::new());
    match past {
        Past::Asked => lines.push("what happened to it is being read".to_owned()),
        Past::Unknown => lines.push("what happened to it cannot be read now".to_owned()),
        Past::Known(events) => {
            lines.push("what happened to it, the latest first:".to_owned());
            lines.extend(events.iter().rev().take(EVENTS).map(|event| {
                let sign = if Severity::of(event) > Severity::Info { "✗" } else { " " };
                format!("{sign} {}  {}", words::time(event.time), words::happened(event))
            }));
        }
    }
    lines
}

/// Returns the lines about what people are asked before a run is made.
pub(super) fn question(site: &Site, run: &RunId) -> Vec<String> {
    let Some(asked) = site.approvals.iter().find(|asked| asked.run == *run) else {
        return vec![format!("nothing is asked before {run} any more")];
    };
    vec![
        words::line(&asked.question),
        format!("asked since {}, about {}", words::time(asked.since), words::line(&asked.commit)),
        String::new(),
        format!("type: phoenix answer {run} yes   phoenix answer {run} no"),
    ]
}

/// Returns the lines about an incident.
pub(super) fn incident(site: &Site, id: &IncidentId) -> Vec<String> {
    let Some(incident) = site.incidents.iter().find(|incident| incident.id == *id) else {
        return vec![format!("the incident {id} is not kept any more")];
    };
    let mut lines = vec![
        format!("{id}  {}  {}", incident.severity, words::line(&incident.text)),
        format!("opened {}", words::time(incident.opened)),
    ];
    lines.extend(incident.resolved.map(|at| format!("over at {}", words::time(at))));
    let tried = incident.tried.iter().map(Try::sentence);
    lines.extend(tried.map(|tried| format!("tried: {}", words::line(&tried))));
    lines.push(format!("next: {}", words::line(&incident.next.sentence())));
    lines.push(String::new());
    lines.push("type:".to_owned());
    let commands = incident.commands.iter();
    lines.extend(
        commands.map(|one| format!("  {}  # {}", words::line(&one.line), words::line(&one.label))),
    );
    lines
}
