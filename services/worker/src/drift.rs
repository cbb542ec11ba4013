//! Looks now and then whether guests that nobody works on are still as they were made, and tells
//! their log when that has changed. It repairs nothing.

use std::sync::Arc;

use futures_util::StreamExt as _;
use phoenix_domain::{Drifted, Goal, GuestKey, Record, whereabouts};
use phoenix_hypervisor::Hypervisor;
use tracing::{debug, info, warn};

use crate::context::{Context, spread};
use crate::forecast::forecast;

/// How many guests are looked at at once: a host has better things to do.
const AT_ONCE: usize = 2;

/// Looks until the worker ends.
pub(crate) async fn keep<H: Hypervisor>(context: Arc<Context<H>>) {
    let every = context.settings.drift_every;
    if every.is_zero() {
        return context.shutdown.cancelled().await;
    }
    loop {
        let round = async {
            // Hosts that were started together should not be looked at together.
            tokio::time::sleep(spread(every)).await;
            let guests = context.view.guests();
            let looks = guests.into_iter().map(|guest| look(&context, guest));
            futures_util::stream::iter(looks).buffer_unordered(AT_ONCE).collect::<()>().await;
        };
        tokio::select! {
            () = round => {}
            () = context.shutdown.cancelled() => return,
        }
    }
}

/// Looks at a guest, and tells where it is otherwise than was last told.
async fn look<H: Hypervisor>(context: &Context<H>, guest: GuestKey) {
    let Some(end) = context.view.end(guest) else { return };
    let state = &end.event.state;
    let is_busy = context.busy.has(guest);
    let Some(goal) =
        lasting(state).filter(|_| !is_busy && state.desired.host == context.worker.host)
    else {
        return;
    };
    let Ok(spec) = state.desired.spec.read() else { return };
    let Some(spec) = context.told_where(spec, guest).await else { return };
    if let Err(err) = context.stock.fill(&context.bus, &spec.brings).await {
        let (what, _) = err.said();
        debug!(%guest, %what, "it cannot be seen whether it drifted");
        return;
    }
    let (changes, seen) = match forecast(&context.host, &spec, goal, None).await {
        Ok(forecast) => (forecast.drift(), forecast.addresses),
        Err(err) => {
            debug!(%guest, %err, "it cannot be seen whether it drifted");
            return;
        }
    };
    // A DHCP server may have moved it. One that has no address now will have one again.
    let is_moved =
        !seen.is_empty() && whereabouts(&spec, &seen) != whereabouts(&spec, &state.work.addresses);
    if changes == state.work.drift && !is_moved {
        return;
    }
    let addresses = is_moved.then_some(seen);
    let told = context
        .bus
        .ask(&context.setup, &context.teller, &[guest], |_, now| {
            // Whoever has asked for something meanwhile makes what was seen a thing of the past.
            let drifted = || Drifted { changes: changes.clone(), addresses: addresses.clone() };
            (now == Some(state)).then(|| drifted().into())
        })
        .await;
    match told {
        Ok(_) => info!(%guest, ?changes, ?addresses, "drifted"),
        Err(err) => warn!(%guest, %err, "a drift was not told; it is looked at again"),
    }
}

/// Returns what is expected of a guest while nobody works on it. Of one that is gone nothing is.
fn lasting(state: &Record) -> Option<Goal> {
    state.lasting().filter(|goal| goal.leaves_a_guest())
}
