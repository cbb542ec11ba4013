//! Answers humans who ask how it is, and does what they order.

use phoenix_bus::{AskedMonitor, MonitorAnswer, MonitorQuestion, Outlook, Seen};
use phoenix_domain::GuestKey;
use phoenix_domain::health::{Curb, Heard, Told};

use super::act::Acting;
use super::typed::typed;
use crate::over::Over;

/// So many guests may be asked at once because somebody wants it.
const PROBINGS: usize = 16;

impl Acting<'_> {
    pub(super) async fn answer(&mut self, asked: AskedMonitor) -> Result<(), Over> {
        let channels = &self.monitor.channels;
        let answer = match &asked.question {
            Ok(MonitorQuestion::Channels) => {
                channels.list(asked);
                return Ok(());
            }
            Ok(MonitorQuestion::TestChannel { name }) => {
                let name = name.clone();
                channels.try_out(asked, &name);
                return Ok(());
            }
            Ok(MonitorQuestion::ForgetChannel { name }) => {
                let name = name.clone();
                channels.forget(asked, name);
                return Ok(());
            }
            Ok(MonitorQuestion::Health) => MonitorAnswer::Health(Box::new(self.outlook())),
            Ok(MonitorQuestion::Probe { .. }) if self.probings.len() >= PROBINGS => {
                MonitorAnswer::Declined {
                    why: format!("{PROBINGS} guests are being asked; try again in a moment"),
                }
            }
            Ok(MonitorQuestion::Probe { guest }) => match self.probing(*guest) {
                Some(probing) => {
                    self.probings.spawn(async move {
                        let readings = probing.ask().await;
                        asked.answer(&MonitorAnswer::Probed { readings }).await;
                    });
                    return Ok(());
                }
                None => {
                    MonitorAnswer::Declined { why: "no guest of this number is known".to_owned() }
                }
            },
            Ok(MonitorQuestion::Order { word }) => {
                let told = self.watch.hear(Heard::Human(word.clone()), self.monitor.clock.now());
                let declined = told.iter().find_map(|told| match told {
                    Told::Declined { why, .. } => Some(why.clone()),
                    Told::Turned { .. }
                    | Told::Opened(_)
                    | Told::Updated(_)
                    | Told::Resolved(_)
                    | Told::Repair { .. }
                    | Told::Held { .. }
                    | Told::MaintenanceEnds(_)
                    | Told::MaintenanceOver(_) => None,
                });
                self.carry_out(told).await?;
                declined.map_or(MonitorAnswer::Agreed, |why| MonitorAnswer::Declined { why })
            }
            Err(err) => MonitorAnswer::Declined {
                why: format!("it is not understood: {err}; use the same version on both sides"),
            },
        };
        asked.answer(&answer).await;
        Ok(())
    }

    fn outlook(&self) -> Outlook {
        let guards = self.watch.guards();
        let seen = |guest: &GuestKey| {
            let known = self.guests.get(guest).filter(|known| !known.rests())?;
            let probes = self.watch.conditions(*guest);
            let unread = self.watch.unread(*guest);
            let evidence = self.watch.evidence(*guest);
            Some(Seen {
                guest: *guest,
                name: known.name(),
                host: known.host(),
                probes: probes.map(|(probe, at, since)| (probe.clone(), at, since)).collect(),
                unread: unread.map(|(probe, known)| (probe.name.clone(), known)).collect(),
                evidence: evidence
                    .map(|(probe, came)| (probe.name.clone(), came.clone()))
                    .collect(),
                next: self.watch.prospect(*guest),
                took_ms: known.took.of(&known.probes),
                repairs_left: self.watch.repairs_left(*guest),
            })
        };
        let (incidents, options) = (self.watch.incidents().cloned(), self.monitor.bus.options());
        Outlook {
            monitor: self.monitor.instance.clone(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            mode: guards.fleet_mode(),
            breaker: guards.breaker().cloned(),
            maintenance: guards.windows().to_vec(),
            guests: self.guests.keys().filter_map(seen).collect(),
            incidents: incidents.map(|incident| typed(incident, &options)).collect(),
            held_back: Curb::ALL
                .into_iter()
                .map(|curb| (curb.name().into(), guards.held_back(curb)))
                .collect(),
            guests_left: Some(self.watch.guests_left()),
        }
    }
}
