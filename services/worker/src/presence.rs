//! Says that the worker is there, and what its host has.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use phoenix_bus::HostReport;
use phoenix_domain::health::Facts;
use phoenix_hypervisor::Hypervisor;
use tracing::warn;

use crate::context::{Context, now};

/// How often. Three missed ones, and people are told that the worker is silent.
const PULSE: Duration = Duration::from_secs(15);
/// How often it looks what of its host is not well. Whoever judges guests has to know that before
/// them, so what has changed is said at once.
const LOOK: Duration = Duration::from_secs(5);

/// Says it until the worker ends, and then that it does.
pub(crate) async fn keep<H: Hypervisor>(context: Arc<Context<H>>) {
    let started = now();
    let mut pulse = tokio::time::interval(PULSE);
    let mut look = tokio::time::interval(LOOK);
    let mut drained = context.duty.drained();
    let mut facts = found(&context, Facts::default()).await;
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
    };
    if let Err(err) = context.bus.report(&report).await {
        warn!(%err, "nobody was told that this worker is there");
    }
}
