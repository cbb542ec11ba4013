//! Carries out what the watch says: tells of it, keeps it, and asks for repairs, in this order. Whoever
//! goes on where this one was killed tells the last of it twice at worst, and repairs nothing twice.

use phoenix_bus::Teller;
use phoenix_domain::health::{
    Concerned, HealthEventKind, Order, Outcome, Reason, Rung, Told, Turned,
};
use phoenix_domain::{
    Cause, Desired, Fact, Goal, GuestKey, Record, Repair, RepairRequested, RunId, Standing,
};
use tracing::{Span, error_span, info, warn};

use super::act::Acting;
use super::events;
use super::typed::typed;
use crate::over::Over;

impl Acting<'_> {
    pub(super) async fn carry_out(&mut self, told: Vec<Told>) -> Result<(), Over> {
        let mut repairs = Vec::new();
        for one in told {
            if let Told::Repair { order, reason, by, .. } = one {
                repairs.push((order, reason, by));
            } else {
                self.tell(one).await?;
            }
        }
        for (key, piece) in self.watch.take_changed() {
            if self.memory.keep(&key, piece.as_ref()).await?.is_err() {
                return Err(Over::Displaced);
            }
        }
        for (order, reason, by) in repairs {
            self.ask_for(order, reason, by).await?;
        }
        Ok(())
    }

    async fn tell(&self, told: Told) -> Result<(), Over> {
        let (bus, source) = (&self.monitor.bus, &self.monitor.source);
        let (kind, incident) = match told {
            Told::Turned { guest, probe, from, to, evidence, since } => {
                about(guest).in_scope(|| info!(%guest, %probe, %from, %to, "turned"));
                let text = match to.reason() {
                    Some(reason) => format!("{probe} of {} {}", guest.vmid, reason.words()),
                    None => format!("{probe} of {} is {}", guest.vmid, to.word()),
                };
                let (name, evidence) = (probe.clone(), evidence.map(|evidence| *evidence));
                let turned = Turned { text, guest, probe, from, to, since, evidence };
                return Ok(bus.tell_health(guest, &name, events::turned(source, turned)).await?);
            }
            Told::Opened(incident) => (HealthEventKind::IncidentOpened, incident),
            Told::Updated(incident) => (HealthEventKind::IncidentUpdated, incident),
            Told::Resolved(incident) => (HealthEventKind::IncidentResolved, incident),
            Told::Held { guest, hold, .. } => {
                about(guest).in_scope(|| info!(%guest, why = hold.words(), "not repaired"));
                return Ok(());
            }
            Told::MaintenanceEnds(window) => {
                info!(id = %window.id, at = %window.to, "a maintenance ends soon");
                return Ok(());
            }
            Told::MaintenanceOver(window) => {
                info!(id = %window.id, "a maintenance is over");
                return Ok(());
            }
            Told::Declined { what, why } => {
                warn!(%what, %why, "what was ordered is not done");
                return Ok(());
            }
            // Asked for once it is kept that it is.
            Told::Repair { .. } => return Ok(()),
        };
        let incident = typed(*incident, &bus.options());
        info!(incident = %incident.id, %kind, text = %incident.text, "incident");
        let known = |guest: &GuestKey| Some((*guest, self.guests.get(guest)?));
        let guests: Vec<_> = incident
            .guests
            .iter()
            .filter_map(known)
            .map(|(guest, known)| Concerned { guest, name: known.name(), host: known.host() })
            .collect();
        let event = events::incident(source, kind, &incident, guests);
        Ok(bus.tell_incident(&incident.id, event).await?)
    }

    /// Asks for a repair, unless somebody asked for something else in the meantime.
    async fn ask_for(
        &mut self,
        order: Order,
        reason: Reason,
        by: Option<String>,
    ) -> Result<(), Over> {
        let guest = order.guest;
        let Some(repair) = repair(order.rung) else {
            let why = "this version cannot do that by itself".to_owned();
            return Box::pin(self.outcome(order, Outcome::Failed(why))).await;
        };
        let Some(seen) = self.guests.get(&guest).map(|known| known.record.desired.revision) else {
            let why = "the guest is gone".to_owned();
            return Box::pin(self.outcome(order, Outcome::Refused(why))).await;
        };
        let (run, trace) = (run(), Teller::new_trace());
        let about_run = error_span!(target: "phoenix_job", parent: &about(guest), "run",
            run_id = %run, trace_id = trace.trace_id());
        about_run.in_scope(|| info!(%guest, rung = %order.rung, %reason, "asks for a repair"));
        let wish = |_: GuestKey, before: Option<&Record>| {
            let before = before.filter(|before| before.desired.revision == seen)?;
            let desired = Desired {
                revision: before.desired.revision + 1,
                run: run.clone(),
                cause: Cause::Repair {
                    reason: reason.code().to_owned(),
                    order: Some(order.clone()),
                },
                goal: Goal::Repaired { by: repair },
                by: by.clone().unwrap_or_else(|| "health-monitor".to_owned()),
                cancelled: false,
                ..before.desired.clone()
            };
            Some(Fact::from(RepairRequested { desired: Box::new(desired) }))
        };
        let (bus, teller) = (&self.monitor.bus, self.monitor.teller(trace));
        let asked = bus.ask(&self.monitor.setup, &teller, &[guest], wish).await?;
        if asked.iter().any(|asked| asked.seq.is_some()) {
            if let Some(known) = self.guests.get_mut(&guest) {
                known.asked = seen + 1;
            }
            return Ok(());
        }
        let why = "somebody asked for something else just now".to_owned();
        Box::pin(self.outcome(order, Outcome::Refused(why))).await
    }

    async fn outcome(&mut self, order: Order, outcome: Outcome) -> Result<(), Over> {
        self.hear(phoenix_domain::health::Heard::Outcome { order, outcome }).await
    }

    /// Hears what became of the repair of a guest.
    pub(super) async fn hear_outcome(&mut self, guest: GuestKey) -> Result<(), Over> {
        let orders: Vec<_> =
            self.watch.guards().under_way().filter(|order| order.guest == guest).cloned().collect();
        for order in orders {
            let Some(known) = self.guests.get(&guest) else { return Ok(()) };
            let outcome = match &known.record.desired.cause {
                Cause::Repair { order: Some(asked), .. } if *asked == order => ended(&known.record),
                // What was asked for last was asked for before the repair: that is still to come.
                _ if known.record.desired.revision < known.asked => None,
                Cause::Repair { .. }
                | Cause::Submitted
                | Cause::StoodOnBy(_)
                | Cause::Retried
                | Cause::UpstreamsChanged => {
                    Some(Outcome::Refused("somebody asked for something else".to_owned()))
                }
            };
            if let Some(outcome) = outcome {
                self.outcome(order, outcome).await?;
            }
        }
        Ok(())
    }

    /// Goes on with what an earlier monitor had begun: what it kept, and did not ask for any more, is
    /// asked for now.
    pub(super) async fn go_on_with_repairs(&mut self) -> Result<(), Over> {
        let orders: Vec<_> = self.watch.guards().under_way().cloned().collect();
        for order in orders {
            let Some(known) = self.guests.get(&order.guest) else { continue };
            let is_asked = matches!(&known.record.desired.cause,
                Cause::Repair { order: Some(asked), .. } if *asked == order);
            if is_asked {
                self.hear_outcome(order.guest).await?;
            } else if known.record.lasting() == Some(Goal::Present) {
                self.ask_for(order, Reason::Unjudged, None).await?;
            } else {
                let why = "somebody asked for something else".to_owned();
                self.outcome(order, Outcome::Refused(why)).await?;
            }
        }
        Ok(())
    }
}

/// Returns how a worker can climb this rung.
fn repair(rung: Rung) -> Option<Repair> {
    match rung {
        Rung::Service => Some(Repair::Service),
        Rung::Guest => Some(Repair::Guest),
        Rung::Application => Some(Repair::Application),
        Rung::Recreate => Some(Repair::Recreate),
        Rung::Wait | Rung::Human => None,
    }
}

/// Returns what became of what was asked for, once it is settled.
fn ended(record: &Record) -> Option<Outcome> {
    if !record.is_settled() {
        return None;
    }
    let why = || record.work.failure.as_ref().map(|failure| failure.what.clone());
    Some(match &record.work.standing {
        Standing::Completed => Outcome::Done,
        Standing::Cancelled => Outcome::Refused(why().unwrap_or_else(|| "cancelled".to_owned())),
        Standing::Blocked { question, .. } => Outcome::Failed(question.clone()),
        Standing::Requested
        | Standing::Working
        | Standing::RetryWait { .. }
        | Standing::BlockedBy { .. }
        | Standing::Failed
        | Standing::Dead { .. } => Outcome::Failed(why().unwrap_or_else(|| "given up".to_owned())),
    })
}

/// Returns what a line of the log is about, for programs that read it.
fn about(guest: GuestKey) -> Span {
    error_span!(target: "phoenix_job", "guest", vmid = guest.vmid.number())
}

/// Returns a name for a run.
#[expect(clippy::expect_used, reason = "a name of hexadecimal digits is one")]
fn run() -> RunId {
    let name = uuid::Uuid::now_v7().simple().to_string();
    format!("r-{name}").parse().expect("a run is named by digits and letters")
}
