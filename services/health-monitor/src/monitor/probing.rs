//! A guest that somebody wants asked now, by each of its probes. It goes on beside everything else: the
//! checks inside of a guest take their time, and nobody else waits for them.

use std::net::IpAddr;

use phoenix_bus::Bus;
use phoenix_domain::health::{DockerStarts, Probe, Reading, Reason};
use phoenix_domain::{GuestKey, GuestSpec, NodeName};
use secrecy::SecretString;

use super::act::Acting;
use super::endpoints::NO_ADDRESS;
use super::inside;
use super::keys::Key;
use crate::probes::{Asker, Clock, Memory};

/// A guest that is to be asked.
pub(super) struct Probing {
    asker: Asker,
    clock: Clock,
    bus: Bus,
    guest: GuestKey,
    host: NodeName,
    want: GuestSpec,
    docker: DockerStarts,
    probes: Vec<(Probe, How)>,
}

/// How a probe is made.
enum How {
    /// By the worker, inside of the guest.
    Inside,
    /// From here.
    At(IpAddr, Option<SecretString>),
    /// Not at all.
    Not(Reason, String),
}

impl Acting<'_> {
    /// Prepares to ask a guest, where it is known.
    pub(super) fn probing(&mut self, guest: GuestKey) -> Option<Probing> {
        let known = self.guests.get(&guest)?;
        let mut probes = Vec::new();
        for probe in &known.probes {
            let (at, probe) = known.place_of(probe);
            let how = if probe.ask.port().is_none() {
                How::Inside
            } else {
                match (at, known.key_of(&probe).map(|kept| self.keys.get(kept))) {
                    (_, Some(Key::Coming)) => {
                        let why = "its key is being fetched; ask again".to_owned();
                        How::Not(Reason::ProbeAuth, why)
                    }
                    (_, Some(Key::Missing(why))) => How::Not(Reason::ProbeAuth, why),
                    (None, _) => How::Not(Reason::Unreachable, NO_ADDRESS.to_owned()),
                    (Some(at), None) => How::At(at, None),
                    (Some(at), Some(Key::Held(key))) => How::At(at, Some(key)),
                }
            };
            probes.push((probe, how));
        }
        Some(Probing {
            asker: self.asker.clone(),
            clock: self.monitor.clock,
            bus: self.monitor.bus.clone(),
            guest,
            host: known.record.desired.host.clone(),
            want: known.want.clone(),
            docker: known.docker.clone(),
            probes,
        })
    }
}

impl Probing {
    /// Asks, and returns what came.
    pub(super) async fn ask(self) -> Vec<(Probe, Reading)> {
        let Self { asker, clock, bus, guest, host, want, mut docker, probes } = self;
        let is_inside = probes.iter().any(|(_, how)| matches!(how, How::Inside));
        let looked = if is_inside {
            Some(inside::look(bus, clock, host, guest, want, true).await)
        } else {
            None
        };
        let mut readings = Vec::new();
        for (probe, how) in probes {
            let reading = match how {
                How::Inside => looked.as_ref().and_then(|it| it.reading(&probe.ask, &mut docker)),
                How::At(at, key) => {
                    Some(asker.ask(at, &probe, key.as_ref(), &mut Memory::default()).await)
                }
                How::Not(reason, why) => Some(asker.unasked(&probe, reason, &why)),
            };
            readings.extend(reading.map(|reading| (probe, reading)));
        }
        readings
    }
}
