//! What the cell itself tells: workers that are silent, nodes that are drained, what was given up, and repairs that
//! are stopped.

use chrono::{DateTime, Utc};
use phoenix_bus::{Bus, Drain, Filed, HostReport, Outlook};
use phoenix_domain::NodeName;

use super::nats::said;
use super::report::Report;
use crate::commands::health;
use crate::error::CommandError;
use crate::letter;
use crate::nodes::drained;
use crate::session;
use crate::states::States;
use crate::words;

/// What only the cell tells.
const TOLD: [&str; 5] = ["workers", "drains", "dead letters", "health monitor", "incidents"];

type Asked<T> = Result<T, CommandError>;

/// What a cell tells; each part may be forbidden to us.
pub(super) struct Site {
    pub(super) hosts: Asked<Vec<HostReport>>,
    pub(super) outlook: Asked<Outlook>,
    pub(super) states: Asked<States>,
    drains: Asked<Vec<(NodeName, Drain)>>,
    letters: Asked<Vec<Filed>>,
    /// What is typed behind a command for it to reach this cell.
    options: String,
}

impl Site {
    pub(super) async fn read(bus: &Bus) -> Self {
        Self {
            hosts: bus.hosts().await.map_err(CommandError::from),
            outlook: health::outlook(bus).await,
            states: States::read(bus).await,
            drains: bus.drains().await.map_err(CommandError::from),
            letters: bus.dead_letters().await.map_err(CommandError::from),
            options: bus.options(),
        }
    }
}

pub(super) fn look(site: Option<&Site>, report: &mut Report) {
    let Some(site) = site else {
        for check in TOLD {
            report.not_looked_at(check, "NATS cannot be asked");
        }
        return;
    };
    let now = session::now();
    told("workers", &site.hosts, report, |hosts, report| workers(hosts, site, now, report));
    told("drains", &site.drains, report, |drains, report| drains_of(drains, site, report));
    told("dead letters", &site.letters, report, |letters, report| {
        let is_open = |filed: &&Filed| match &site.states {
            Ok(states) => letter::is_open(filed, states),
            Err(_) => true,
        };
        match (letters.iter().filter(is_open).count(), letters.len()) {
            (0, 0) => report.ok("dead letters", "there are none"),
            (0, _) => {
                report.ok("dead letters", "all are of guests that were asked for again since");
            }
            (open, _) => report.warning(
                "dead letters",
                words::count(open, "guest was given up", "were given up"),
                format!("phoenix dead list{}", site.options),
            ),
        }
    });
    monitor(site, report);
}

/// Tells of something that could be asked for, or why it could not.
fn told<T>(
    check: &'static str,
    asked: &Asked<T>,
    report: &mut Report,
    tell: impl FnOnce(&T, &mut Report),
) {
    match asked {
        Ok(known) => tell(known, report),
        Err(err) => report.not_looked_at(check, said(err)),
    }
}

fn workers(hosts: &[HostReport], site: &Site, now: DateTime<Utc>, report: &mut Report) {
    let check = "workers";
    let waiting = |host: &NodeName| {
        let states = site.states.as_ref().ok();
        let records = states.into_iter().flat_map(States::records);
        records.filter(|record| record.desired.host == *host && !record.is_settled()).count()
    };
    for host in hosts.iter().filter(|host| !host.is_alive(now)) {
        let (name, ago) = (&host.host, words::span(now - host.heard));
        let remedy = format!("ssh {name} systemctl status phoenix-worker");
        match (host.is_leaving, waiting(name)) {
            (true, 0) => {
                report.warning(check, format!("the one of {name} has ended {ago} ago"), remedy);
            }
            (true, more) => {
                let waits = words::count(more, "guest waits", "guests wait");
                report.wrong(
                    check,
                    format!("the one of {name} has ended {ago} ago, and {waits}"),
                    remedy,
                );
            }
            (false, more) => {
                let waits = words::count(more, "guest waits", "guests wait");
                report.wrong(
                    check,
                    format!("the one of {name} is silent for {ago}; {waits}"),
                    remedy,
                );
            }
        }
    }
    match hosts.iter().filter(|host| host.is_alive(now)).count() {
        0 if hosts.is_empty() => {
            report.warning(check, "none was ever seen", "systemctl enable --now phoenix-worker");
        }
        0 => {}
        alive => report.ok(check, words::count(alive, "is there", "are there")),
    }
}

fn drains_of(drains: &[(NodeName, Drain)], site: &Site, report: &mut Report) {
    let check = "drains";
    if drains.is_empty() {
        report.ok(check, "no node is drained");
    }
    for (node, drain) in drains {
        let remedy = format!("phoenix drain {node} --end{}", site.options);
        report.warning(check, format!("{node} is {}", drained(drain)), remedy);
    }
}

fn monitor(site: &Site, report: &mut Report) {
    let check = "health monitor";
    let outlook = match &site.outlook {
        Ok(outlook) => outlook,
        Err(err @ CommandError::NoMonitor(_)) => {
            return report.warning(check, said(err), "systemctl status phoenix-health-monitor");
        }
        Err(err) => return report.not_looked_at(check, said(err)),
    };
    match &outlook.breaker {
        Some(breaker) => report.warning(
            check,
            format!("the breaker is open, so nothing is repaired: {}", breaker.why),
            format!("phoenix breaker close --reason …{}", site.options),
        ),
        None => report.ok(check, format!("it acts; the mode is {}", outlook.mode.name())),
    }
    if !outlook.incidents.is_empty() {
        let found = words::count(outlook.incidents.len(), "incident is open", "incidents are open");
        report.warning("incidents", found, format!("phoenix incidents{}", site.options));
    }
}
