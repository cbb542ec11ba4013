//! Says that the worker is there, and what its host has.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use phoenix_bus::{BusError, HostReport};
use phoenix_domain::health::Facts;
use phoenix_hypervisor::Hypervisor;
use tracing::warn;

use crate::context::{Context, now};

/// How often. Three missed ones, and people are told that the worker is silent.
const PULSE: Duration = Duration::from_secs(15);
/// How often it looks what of its host is not well. Whoever judges guests has to know that before
/// them, so what has changed is said at once.
const LOOK: Duration = Duration::from_secs(5);

/// What is told each time.
pub(crate) struct Presence {
    started: DateTime<Utc>,
    facts: Facts,
}

/// Says it for the first time. A worker whose key is that of another host may not, and is not to take anything.
pub(crate) async fn begin<H: Hypervisor>(context: &Context<H>) -> Result<Presence, BusError> {
    let presence = Presence { started: now(), facts: found(context, Facts::default()).await };
    match report(context, presence.started, false, &presence.facts).await {
        Err(err @ BusError::NotPermitted { .. }) => Err(err),
        told => {
            unless_told(told);
            Ok(presence)
        }
    }
}

/// Says it until the worker ends, and then that it does.
pub(crate) async fn keep<H: Hypervisor>(context: Arc<Context<H>>, presence: Presence) {
    let Presence { started, mut facts } = presence;
    let mut pulse = tokio::time::interval(PULSE);
    let mut look = tokio::time::interval(LOOK);
    let mut drained = context.duty.drained();
    pulse.reset();
    loop {
        tokio::select! {
            _ = pulse.tick() => say(&context, started, false, &facts).await,
            _ = look.tick() => {
                let before = facts.clone();
                facts = found(&context, facts).await;
                if facts != before {
                    say(&context, started, false, &facts).await;
                }
            }
            // Whoever waits for it is told at once.
            Ok(()) = drained.changed() => say(&context, started, false, &facts).await,
            () = context.busy.idle(), if context.duty.is_drained() => {
                say(&context, started, false, &facts).await;
            }
            () = context.shutdown.cancelled() => return say(&context, started, true, &facts).await,
        }
    }
}

/// Returns what of the host is not well. Where it cannot be asked, that is what it was before.
async fn found<H: Hypervisor>(context: &Context<H>, before: Facts) -> Facts {
    match context.host.facts().await {
        Ok(facts) => facts,
        Err(err) => {
            warn!(%err, "the host cannot be asked how it is");
            before
        }
    }
}

async fn say<H: Hypervisor>(
    context: &Context<H>,
    started: DateTime<Utc>,
    is_leaving: bool,
    facts: &Facts,
) {
    unless_told(report(context, started, is_leaving, facts).await);
}

fn unless_told(told: Result<(), BusError>) {
    if let Err(err) = told {
        warn!(%err, "nobody was told that this worker is there");
    }
}

async fn report<H: Hypervisor>(
    context: &Context<H>,
    started: DateTime<Utc>,
    is_leaving: bool,
    facts: &Facts,
) -> Result<(), BusError> {
    let inventory = match context.host.inventory().await {
        Ok(inventory) => {
            context.tools().clone_from(&inventory.tools);
            serde_json::to_value(inventory).unwrap_or_default()
        }
        Err(err) => {
            warn!(%err, "the host cannot be asked what it has");
            serde_json::Value::Null
        }
    };
    let report = HostReport {
        host: context.worker.host.clone(),
        instance: context.worker.instance.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started,
        heard: now(),
        is_leaving,
        busy: context.busy.count(),
        inventory,
        facts: facts.clone(),
        drained: context.duty.drained().borrow().clone(),
        waits: context.patience.told(),
    };
    context.bus.report(&report).await
}
