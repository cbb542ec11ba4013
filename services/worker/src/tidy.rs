//! Takes out of the library what no guest brings along any more, here and in NATS: scripts change more
//! often than guests are made.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use phoenix_domain::{PackName, Record, Safety, SpecText, chain};
use phoenix_hypervisor::Hypervisor;
use tracing::warn;

use crate::context::{Context, now, spread};

/// How often it is looked through.
const EVERY: Duration = Duration::from_hours(1);
/// How long something stays that nobody means. Who has put it there may be about to ask for it.
const UNASKED: TimeDelta = TimeDelta::days(7);

/// Keeps it tidy until the worker ends.
pub(crate) async fn keep<H: Hypervisor>(context: Arc<Context<H>>) {
    loop {
        tokio::select! {
            // Workers that were started together should not do it together.
            () = tokio::time::sleep(spread(EVERY)) => {}
            () = context.shutdown.cancelled() => return,
        }
        if !context.known.has_all() {
            continue;
        }
        let guests = context.view.guests().into_iter();
        let ends: Vec<_> = guests.filter_map(|guest| context.view.end(guest)).collect();
        // A request that this version cannot read may mean anything.
        let Some(meant) = meant(ends.iter().map(|end| &end.event.state)) else { continue };
        let since = now() - UNASKED;
        if let Err(err) = Box::pin(context.bus.forget_packs(&meant, since)).await {
            warn!(err = %chain(&err), "what nobody brings along any more stays in the library");
        }
        if let Err(err) = context.stock.forget(&meant, since) {
            warn!(%err, "what nobody brings along any more stays on this host");
        }
    }
}

/// Returns the packs that guests bring along, or go back to; nothing where not all of them are known.
fn meant<'r>(records: impl Iterator<Item = &'r Record>) -> Option<BTreeSet<PackName>> {
    let mut meant = BTreeSet::new();
    let mut add = |spec: &SpecText| {
        let spec = spec.read().ok()?;
        meant.extend(spec.brings.packs().map(|(_, pack)| pack.clone()));
        Some(())
    };
    for record in records {
        add(&record.desired.spec)?;
        match &record.desired.safety {
            Some(Safety::Guarded { back, .. }) => add(&back.spec)?,
            Some(Safety::Returned { .. }) | None => {}
        }
    }
    Some(meant)
}
