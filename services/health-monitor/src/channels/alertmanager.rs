//! An alert for Alertmanager, which forgets what it is not told again.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use phoenix_bus::News;
use phoenix_post::{Key, Post};
use serde_json::{Value, json};
use url::Url;

use super::letter::{Letter, Occasion};

/// How long what is tried stands there.
const TRIAL: TimeDelta = TimeDelta::minutes(1);

/// The labels of an alert: what Alertmanager knows it by.
pub(crate) type Labels = BTreeMap<String, String>;

/// A server of Alertmanager.
#[derive(Clone, Debug)]
pub(crate) struct Alertmanager {
    /// Where alerts are posted to.
    pub(crate) url: Url,
    pub(crate) key: Option<Key>,
}

/// An alert that stands or has ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Alert {
    pub(crate) labels: Labels,
    body: Value,
}

impl Alertmanager {
    /// Returns the alerts as they are posted.
    pub(crate) fn post(&self, alerts: &[Alert]) -> Post {
        let bodies = alerts.iter().map(|alert| alert.body.clone()).collect();
        Post::json(&self.url, self.key.as_ref(), &Value::Array(bodies))
    }
}

impl Alert {
    /// Makes the alert of an incident as it stands.
    pub(crate) fn of(news: &News, letter: &Letter, text: &str, now: DateTime<Utc>) -> Self {
        let incident = &news.incident;
        let service = incident.evidence.last().map(|exhibit| exhibit.probe.to_string());
        let one = match letter.guests.as_slice() {
            [one] => Some(one),
            [] | [_, ..] => None,
        };
        let mut labels = Labels::new();
        let mut label = |name: &str, value: String| {
            // Alertmanager takes a label without a value for one that is not there.
            if !value.is_empty() {
                labels.insert(name.to_owned(), value);
            }
        };
        let is_trial = letter.occasion == Occasion::Test;
        label("alertname", if is_trial { "PhoenixTest" } else { "PhoenixIncident" }.to_owned());
        label("cell", letter.cell.clone());
        label("incident", letter.incident.clone());
        label("cause", letter.cause.clone());
        label("reason", letter.reason.clone());
        label("severity", letter.severity.clone());
        label("guest", one.map(|guest| guest.vmid.to_string()).unwrap_or_default());
        label("host", one.map(|guest| guest.host.clone()).unwrap_or_default());
        label("service", one.and(service).unwrap_or_default());
        let commands: Vec<_> = letter.commands.iter().map(|typed| typed.line.as_str()).collect();
        let mut annotations = Labels::from([
            ("summary".to_owned(), letter.headline.clone()),
            ("description".to_owned(), text.to_owned()),
            ("commands".to_owned(), commands.join("\n")),
        ]);
        annotations.extend(letter.link.clone().map(|link| ("runbook_url".to_owned(), link)));
        let ends = incident.resolved.or_else(|| is_trial.then(|| now + TRIAL));
        let body = body(&labels, &annotations, incident.opened, ends, letter.link.as_deref());
        Self { labels, body }
    }

    /// Ends what is known by these labels, as it is known by others now.
    pub(crate) fn ended(labels: &Labels, opened: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let body = body(labels, &Labels::new(), opened, Some(now), None);
        Self { labels: labels.clone(), body }
    }
}

fn body(
    labels: &Labels,
    annotations: &Labels,
    starts: DateTime<Utc>,
    ends: Option<DateTime<Utc>>,
    link: Option<&str>,
) -> Value {
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let mut body = json!({
        "labels": labels,
        "annotations": annotations,
        "startsAt": time(starts),
    });
    if let Some(body) = body.as_object_mut() {
        body.extend(ends.map(|at| ("endsAt".to_owned(), Value::from(time(at)))));
        body.extend(link.map(|link| ("generatorURL".to_owned(), Value::from(link))));
    }
    body
}
