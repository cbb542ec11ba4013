//! Which guests and hosts somebody watches.

use std::collections::BTreeMap;

use phoenix_bus::Bus;
use phoenix_domain::health::{HealthNews, Incident, Root};
use phoenix_domain::{Event, GuestKey, NodeName, Vmid};

use crate::cli::WatchArgs;
use crate::error::CommandError;
use crate::runs;
use crate::states::States;
use crate::words;

/// Returns what somebody named and nobody has heard of yet: guests, hosts and a run.
pub(super) async fn unknown(args: &WatchArgs, bus: &Bus) -> Result<Vec<String>, CommandError> {
    let mut unknown = Vec::new();
    if args.guests.is_empty() && args.host.is_empty() && args.events.run.is_none() {
        return Ok(unknown);
    }
    let states = States::read(bus).await?;
    let is_unknown = |guest: &&Vmid| states.with_number(**guest).is_none();
    unknown.extend(args.guests.iter().filter(is_unknown).map(|guest| format!("guest {guest}")));
    if !args.host.is_empty() {
        let reports = bus.hosts().await?;
        let is_known = |host: &NodeName| {
            reports.iter().any(|report| report.host == *host)
                || states.records().any(|record| record.desired.host == *host)
        };
        let hosts = args.host.iter().filter(|host| !is_known(host));
        unknown.extend(hosts.map(|host| format!("host {host}")));
    }
    if let Some(run) = &args.events.run {
        match runs::one(bus, &states, run).await {
            Ok(_) => {}
            Err(CommandError::NoSuchRun { .. }) => unknown.push(format!("run {run}")),
            Err(err) => return Err(err),
        }
    }
    Ok(unknown)
}

/// The guests and hosts that somebody watches, and what is known of guests.
pub(super) struct Concern {
    guests: Vec<Vmid>,
    hosts: Vec<NodeName>,
    known: BTreeMap<GuestKey, (String, NodeName)>,
}

impl Concern {
    /// Takes what somebody asked for.
    pub(super) async fn of(args: &WatchArgs, bus: &Bus) -> Result<Self, CommandError> {
        let (guests, hosts) = (args.guests.clone(), args.host.clone());
        let mut known = BTreeMap::new();
        // What is told of health names a guest by its number alone.
        if args.wants_health() {
            for record in States::read(bus).await?.records() {
                known.insert(record.guest, (words::name(record), record.desired.host.clone()));
            }
        }
        Ok(Self { guests, hosts, known })
    }

    /// Learns who a guest is.
    pub(super) fn learn(&mut self, event: &Event) {
        let state = &event.state;
        self.known.insert(state.guest, (words::name(state), state.desired.host.clone()));
    }

    /// Returns the name of a guest, where it is known.
    pub(super) fn name(&self, guest: GuestKey) -> &str {
        self.known.get(&guest).map_or("", |(name, _)| name)
    }

    /// Says whether somebody watches the guest of an event.
    pub(super) fn is_of(&self, event: &Event) -> bool {
        let state = &event.state;
        self.has(state.guest, Some(&state.desired.host))
    }

    /// Says whether what is told of health is about somebody who is watched. What is about everything
    /// is of interest to all.
    pub(super) fn is_of_health(&self, news: &HealthNews) -> bool {
        match news {
            HealthNews::Turned(turned) => self.has_known(turned.data.guest),
            HealthNews::Incident(about) => self.is_of_incident(&about.data.incident),
            HealthNews::Channel(_) => true,
        }
    }

    fn is_of_incident(&self, incident: &Incident) -> bool {
        match &incident.root {
            Root::Monitor | Root::Breaker => true,
            Root::Ground(ground) if self.guests.is_empty() => {
                ground.host().is_some_and(|host| self.has_host(Some(host)))
                    || incident.guests.iter().any(|guest| self.has_known(*guest))
            }
            Root::Ground(_) | Root::Guest(_) => {
                incident.guests.iter().any(|guest| self.has_known(*guest))
            }
        }
    }

    fn has_known(&self, guest: GuestKey) -> bool {
        self.has(guest, self.known.get(&guest).map(|(_, host)| host))
    }

    fn has(&self, guest: GuestKey, host: Option<&NodeName>) -> bool {
        (self.guests.is_empty() || self.guests.contains(&guest.vmid)) && self.has_host(host)
    }

    fn has_host(&self, host: Option<&NodeName>) -> bool {
        self.hosts.is_empty() || host.is_some_and(|host| self.hosts.contains(host))
    }
}
