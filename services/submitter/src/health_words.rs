//! What is told of health, on one line.

use std::collections::BTreeMap;

use phoenix_domain::GuestKey;
use phoenix_domain::health::{Ack, AckEnd, HealthEventKind, HealthNews, Incident, IncidentId};

use crate::words;

/// Puts what is told of health into words. It remembers incidents: what is new of one is what is
/// otherwise than before.
#[derive(Debug, Default)]
pub(crate) struct HealthWords(BTreeMap<IncidentId, Incident>);

impl HealthWords {
    /// Knows how these incidents stand.
    pub(crate) fn knowing(incidents: Vec<Incident>) -> Self {
        Self(incidents.into_iter().map(|incident| (incident.id.clone(), incident)).collect())
    }

    /// Returns what is told on one line: when, about whom, and what is new. `name` is asked what a
    /// guest is called.
    pub(crate) fn line<'n>(
        &mut self,
        news: &HealthNews,
        name: impl Fn(GuestKey) -> &'n str,
    ) -> String {
        let (time, what) = match news {
            HealthNews::Turned(turned) => {
                let data = &turned.data;
                let guest = words::guest(data.guest, name(data.guest));
                let probe = words::line(&data.probe);
                (turned.time, format!("{guest}  {probe} is {}, was {}", data.to, data.from))
            }
            HealthNews::Incident(about) => {
                let incident = &*about.data.incident;
                let before = self.0.insert(incident.id.clone(), incident.clone());
                let news = of_incident(about.kind, before.as_ref(), incident);
                (about.time, format!("incident {}  {news}", incident.id))
            }
            HealthNews::Channel(channel) => (channel.time, words::line(&channel.data.text)),
        };
        format!("{}  {what}", words::time(time))
    }
}

/// Says what is new of an incident.
fn of_incident(kind: HealthEventKind, before: Option<&Incident>, now: &Incident) -> String {
    let text = words::line(&now.text);
    let severity = now.severity;
    if kind == HealthEventKind::IncidentOpened {
        return format!("opened, {severity}: {text}");
    }
    if let Some(at) = now.resolved {
        return format!("over after {}: {text}", words::span(at - now.opened));
    }
    if let Some(before) = before.filter(|before| before.severity < severity) {
        return format!("escalated from {} to {severity}: {text}", before.severity);
    }
    match newly_seen(before, now) {
        Some(Ack { by, ended: None, why, .. }) => {
            let why = why.as_deref().map(|why| format!(": {}", words::line(why)));
            format!("seen by {}{}", words::line(by), why.unwrap_or_default())
        }
        Some(Ack { ended: Some(AckEnd { by: Some(by), .. }), .. }) => {
            format!("nobody is at it any more, says {}: {text}", words::line(by))
        }
        Some(Ack { ended: Some(AckEnd { by: None, .. }), .. }) => {
            format!("worse than when it was seen: {text}")
        }
        None => format!("{severity}: {text}"),
    }
}

/// Returns the last acknowledgement, if it is what is new.
fn newly_seen<'i>(before: Option<&Incident>, now: &'i Incident) -> Option<&'i Ack> {
    let last = now.acks.last()?;
    let is_new = if let Some(before) = before {
        before.acks.last() != Some(last)
    } else {
        // How it was before is not known: the last one is new if it is as old as the news.
        last.ended.as_ref().map_or(last.at, |end| end.at) == now.updated
    };
    is_new.then_some(last)
}

#[cfg(test)]
mod tests;
