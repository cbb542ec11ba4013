//! What tells nobody when it changes: workers, what the monitor finds, what people are asked, and the dead
//! letters.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use phoenix_bus::{Bus, Filed};
use serde_json::{Value, json};

use super::view::View;
use crate::error::CommandError;
use crate::site;

/// How everything was when it was looked at.
pub(super) struct Look {
    found: site::Look,
    /// The letters, where there are others than before, and what says so.
    letters: Option<((u64, u64), Vec<Filed>)>,
}

/// Looks. The letters were read when they had this mark.
pub(super) async fn look(bus: &Bus, mark: (u64, u64)) -> Result<Look, CommandError> {
    let found = site::look(bus).await?;
    let now = bus.dead_mark().await?;
    let letters = if now == mark { None } else { Some((now, bus.dead_letters().await?)) };
    Ok(Look { found, letters })
}

impl View {
    /// Takes in what was seen, and returns what is shown otherwise than before.
    pub(super) fn see(&mut self, look: Look, now: DateTime<Utc>) -> Vec<(&'static str, Value)> {
        let Look { found, letters } = look;
        let was = (self.steady_hosts(now), self.incidents(), self.letters(), self.questions());
        let watched: BTreeSet<_> = self.site.seen.keys().chain(found.guests()).copied().collect();
        let health: Vec<_> = watched.iter().map(|guest| self.health(*guest)).collect();
        let alive = self.alive(now);
        self.site.looked(found, now);
        if let Some((mark, letters)) = letters {
            (self.letters_at, self.letters) = (mark, letters);
        }

        let is_new = self.alive(now);
        let turned: BTreeSet<_> = alive.symmetric_difference(&is_new).cloned().collect();
        let of_turned =
            self.site.states.records().filter(|record| turned.contains(&record.desired.host));
        let mut changed: BTreeSet<_> = of_turned.map(|record| record.guest).collect();
        let turned = watched.into_iter().zip(health);
        changed.extend(
            turned.filter(|(guest, was)| self.health(*guest) != *was).map(|(guest, _)| guest),
        );
        let guests: Vec<_> =
            changed.into_iter().filter_map(|guest| self.guest(guest, now)).collect();

        let mut news = Vec::new();
        if !guests.is_empty() {
            news.push(("guests", Value::Array(guests)));
        }
        if was.0 != self.steady_hosts(now) {
            news.push(("hosts", json!({ "hosts": self.hosts(now), "monitor": self.monitor() })));
        }
        if was.1 != self.incidents() {
            news.push(("incidents", self.incidents()));
        }
        if was.2 != self.letters() {
            news.push(("letters", self.letters()));
        }
        if was.3 != self.questions() {
            news.push(("questions", self.questions()));
        }
        news
    }

    /// Returns the hosts whose worker is there.
    fn alive(&self, now: DateTime<Utc>) -> BTreeSet<phoenix_domain::NodeName> {
        let alive = self.site.hosts.iter().filter(|report| report.is_alive(now));
        alive.map(|report| report.host.clone()).collect()
    }

    /// Returns the hosts and the monitor, but for when workers that are there were heard last.
    fn steady_hosts(&self, now: DateTime<Utc>) -> (Value, Value) {
        let mut hosts = self.hosts(now);
        for host in hosts.as_array_mut().into_iter().flatten() {
            if host.get("isAlive") == Some(&Value::Bool(true))
                && let Some(host) = host.as_object_mut()
            {
                host.remove("heard");
            }
        }
        (hosts, self.monitor())
    }
}
