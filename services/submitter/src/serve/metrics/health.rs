//! What the health monitor finds, and what is done about it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use phoenix_domain::health::{Condition, Incident, Next, Reason, Severity};

use super::names;
use super::told::instant;
use super::write::{Writer, number};
use crate::serve::view::View;

/// What a probe may find a guest to be.
const CONDITIONS: [Condition; 5] = [
    Condition::Starting,
    Condition::Healthy,
    Condition::Degraded(Reason::Unjudged),
    Condition::Failed(Reason::Unjudged),
    Condition::Unknown(Reason::Unjudged),
];

pub(super) fn write(view: &View, to: &mut Writer<'_>) -> fmt::Result {
    let site = &view.site;
    let is_known = view.looked.is_some();
    let outlook = site.outlook.as_ref();
    to.gauge(&names::MONITOR, is_known.then(|| is(outlook.is_some())))?;

    let probes = site.seen.values().flat_map(|seen| {
        seen.probes.iter().filter_map(|(probe, condition, _)| {
            let serves = serves(*condition)?;
            Some(([seen.guest.vmid.to_string(), probe.name.to_string()], is(serves)))
        })
    });
    to.gauges(&names::PROBE_SUCCESS, probes)?;
    let took = site.seen.values().flat_map(|seen| {
        let of = |probe: &str| [seen.guest.vmid.to_string(), probe.to_owned()];
        let took = seen.took_ms.iter();
        took.map(move |(probe, millis)| (of(probe), Duration::from_millis(*millis).as_secs_f64()))
    });
    to.gauges(&names::PROBE_DURATION, took)?;
    let worst = site.seen.keys().filter_map(|guest| Some((guest, site.health(*guest)?)));
    let worst = worst.flat_map(|(guest, (_, found, _))| {
        CONDITIONS.into_iter().map(move |one| {
            let is_it = one.word() == found.word();
            ([guest.vmid.to_string(), one.word().to_owned()], is(is_it))
        })
    });
    to.gauges(&names::HEALTH_STATE, worst)?;
    let flapping = site.seen.values().map(|seen| {
        let mut found = seen.probes.iter().map(|(_, condition, _)| condition.reason());
        ([seen.guest.vmid.to_string()], is(found.any(|reason| reason == Some(Reason::Flapping))))
    });
    to.gauges(&names::FLAPPING, flapping)?;
    to.gauge(&names::BREAKER, outlook.map(|outlook| is(outlook.breaker.is_some())))?;
    repairs(view, to)?;
    incidents(view, is_known, to)
}

/// What is left to be repaired with, and what was not repaired.
fn repairs(view: &View, to: &mut Writer<'_>) -> fmt::Result {
    let outlook = view.site.outlook.as_ref();
    let held_back = outlook.into_iter().flat_map(|outlook| &outlook.held_back);
    let held_back = held_back.map(|(reason, count)| ([reason.to_string()], *count));
    to.counters(&names::SUPPRESSED, held_back)?;
    let left = view.site.seen.values().filter_map(|seen| {
        let left = seen.repairs_left?;
        Some(([seen.guest.vmid.to_string()], number(left)))
    });
    to.gauges(&names::BUDGET, left)?;
    let left = outlook.and_then(|outlook| outlook.guests_left);
    to.gauge(&names::FLEET_BUDGET, left.map(number))
}

fn incidents(view: &View, is_known: bool, to: &mut Writer<'_>) -> fmt::Result {
    let open = view.site.open_incidents();
    let held = open.iter().filter(|incident| is_held(incident)).count();
    to.gauge(&names::HELD, is_known.then(|| number(held)))?;
    let all = [Severity::Info, Severity::Notice, Severity::Warn, Severity::Page];
    let mut by_severity: BTreeMap<Severity, Vec<&Incident>> = if is_known {
        all.into_iter().map(|severity| (severity, Vec::new())).collect()
    } else {
        BTreeMap::new()
    };
    for incident in open {
        by_severity.entry(incident.severity).or_default().push(incident);
    }
    let counts = by_severity.iter();
    let counts = counts.map(|(severity, those)| ([severity.to_string()], number(those.len())));
    to.gauges(&names::INCIDENTS, counts)?;
    let oldest = by_severity.iter().filter_map(|(severity, those)| {
        let opened = those.iter().map(|incident| incident.opened).min()?;
        Some(([severity.to_string()], instant(opened)))
    });
    to.gauges(&names::INCIDENT_OPENED, oldest)
}

fn is_held(incident: &Incident) -> bool {
    match incident.next {
        Next::Held { .. } => true,
        Next::Repair { .. } | Next::UnderWay { .. } | Next::Look { .. } | Next::None { .. } => {
            false
        }
    }
}

/// Says whether a guest serves; nothing where that is not known.
fn serves(condition: Condition) -> Option<bool> {
    match condition {
        Condition::Unknown(_) => None,
        Condition::Starting
        | Condition::Healthy
        | Condition::Degraded(_)
        | Condition::Failed(_) => Some(condition.is_serving()),
    }
}

fn is(so: bool) -> f64 {
    number(usize::from(so))
}
