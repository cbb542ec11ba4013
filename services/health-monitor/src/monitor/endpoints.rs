//! Where services are asked, and what lets the monitor in there.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::TimeDelta;
use phoenix_domain::health::{Duty, Heard, Probe, Reason};
use phoenix_domain::{GuestKey, SecretRef};

use super::Over;
use super::act::{Acting, Known};
use super::keys::Key;
use crate::schedule::Endpoint;

/// How long a guest may take to say where it is.
const LOST: TimeDelta = TimeDelta::minutes(1);
pub(super) const NO_ADDRESS: &str = "no address of the guest is known";

impl Acting<'_> {
    pub(super) fn remove_endpoints(&mut self, guest: GuestKey) {
        let names: Vec<_> = self.schedule.names().filter(|(of, _)| *of == guest).cloned().collect();
        for name in &names {
            self.schedule.remove(name);
        }
        self.lost.retain(|(of, _), _| *of != guest);
    }

    /// Has the services of a guest asked where they answer now. One whose key is not there yet waits
    /// for it: asked without, it would only say so.
    pub(super) fn place_endpoints(&mut self, guest: GuestKey) {
        let probes = self.guests.get(&guest).map(|known| known.probes.as_slice());
        let known: Vec<_> = probes.into_iter().flatten().map(|probe| &*probe.name).collect();
        let names =
            self.schedule.names().filter(|(of, name)| *of == guest && !known.contains(&&**name));
        let gone: Vec<_> = names.cloned().collect();
        for name in &gone {
            self.schedule.remove(name);
            self.lost.remove(name);
        }
        let Some(known) = self.guests.get(&guest) else { return };
        if known.duty() == Duty::Rests {
            self.remove_endpoints(guest);
            return;
        }
        for probe in &known.probes {
            let name = (guest, probe.name.clone());
            let (at, probe) = known.place_of(probe);
            let key = match known.key_of(&probe).map(|kept| self.keys.get(kept)) {
                None => Some(None),
                Some(Key::Held(value)) => Some(Some(value)),
                Some(Key::Coming | Key::Missing(_)) => None,
            };
            let needs_place = probe.ask.port().is_some();
            match at.filter(|_| needs_place) {
                None if needs_place => {
                    self.lost.entry(name.clone()).or_insert_with(|| self.monitor.clock.now());
                }
                None | Some(_) => {
                    self.lost.remove(&name);
                }
            }
            match (at.filter(|_| needs_place), key) {
                (Some(at), Some(key)) => self.schedule.add(Endpoint { guest, at, probe, key }),
                (None, _) | (_, None) => self.schedule.remove(&name),
            }
        }
    }

    /// Hears of those that are asked nothing because nobody knows where they are: silence would pass for
    /// what was found last.
    pub(super) async fn hear_lost(&mut self) -> Result<(), Over> {
        let now = self.monitor.clock.now();
        let lost = self.lost.iter().filter(|(_, since)| now - **since >= LOST);
        let lost: Vec<_> = lost.map(|((guest, name), _)| (*guest, name.clone())).collect();
        for (guest, name) in lost {
            let Some(known) = self.guests.get(&guest) else { continue };
            let probe = known.probes.iter().find(|probe| probe.name == name);
            let Some(probe) = probe.filter(|_| known.duty() == Duty::Serves) else { continue };
            let reading = self.asker.unasked(probe, Reason::Unreachable, NO_ADDRESS);
            self.hear(Heard::Reading { guest, probe: Arc::from(name), reading }).await?;
        }
        Ok(())
    }

    /// Takes in that a service did not let the monitor in.
    pub(super) fn was_not_let_in(&mut self, guest: GuestKey, probe: &str) {
        let Some(known) = self.guests.get(&guest) else { return };
        let probe = known.probes.iter().find(|known| *known.name == *probe);
        if let Some(kept) = probe.and_then(|probe| known.key_of(probe)) {
            self.keys.was_refused(kept);
        }
    }

    /// Hears that there is an answer about a key: whoever needs it is asked with it, or cannot be.
    pub(super) async fn hear_key(&mut self, kept: &SecretRef) -> Result<(), Over> {
        let missing = match self.keys.get(kept) {
            Key::Missing(why) => Some(why),
            Key::Held(_) | Key::Coming => None,
        };
        let mut waiting = Vec::new();
        for (guest, known) in &self.guests {
            let probes = known.probes.iter().filter(|probe| known.key_of(probe) == Some(kept));
            waiting.extend(probes.map(|probe| (*guest, probe.clone())));
        }
        for (guest, probe) in waiting {
            self.place_endpoints(guest);
            if let Some(why) = &missing {
                let reading = self.asker.unasked(&probe, Reason::ProbeAuth, why);
                self.hear(Heard::Reading { guest, probe: Arc::from(&*probe.name), reading })
                    .await?;
            }
        }
        Ok(())
    }
}

impl Known {
    /// Says whether there is something to be asked whose place is not known.
    pub(super) fn is_nowhere(&self) -> bool {
        self.probes
            .iter()
            .any(|probe| probe.ask.port().is_some() && self.place_of(probe).0.is_none())
    }

    /// Returns where a probe asks, if that is known, and the probe as it asks there.
    pub(super) fn place_of(&self, probe: &Probe) -> (Option<IpAddr>, Probe) {
        let named = self.elsewhere.get(&*probe.name);
        let elsewhere = named.or_else(|| self.elsewhere.get(probe.ask.kind()));
        match elsewhere.and_then(|url| place(url)) {
            Some((at, port)) => {
                let ask = probe.ask.clone().at_port(port);
                (Some(at), Probe { ask, ..probe.clone() })
            }
            None => (self.record.work.addresses.first().copied(), probe.clone()),
        }
    }

    /// Returns where the key is kept that a probe needs.
    pub(super) fn key_of(&self, probe: &Probe) -> Option<&SecretRef> {
        self.want.secrets.get(probe.key.as_deref()?)
    }
}

/// Reads where a service answers.
fn place(url: &str) -> Option<(IpAddr, u16)> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, port) = rest.trim_end_matches('/').rsplit_once(':')?;
    Some((host.parse().ok()?, port.parse().ok()?))
}
