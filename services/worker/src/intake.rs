//! Takes tokens, and attends to as many guests at once as there are slots.

use std::sync::Arc;

use phoenix_bus::Given;
use phoenix_domain::Class;
use phoenix_hypervisor::Hypervisor;
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::attend::attend;
use crate::context::{Context, now};

/// Takes the tokens of one class until the worker ends; then waits for the guests in hand.
pub(crate) async fn run<H: Hypervisor + 'static>(context: Arc<Context<H>>, class: Class) {
    let slots = match class {
        Class::Std => context.settings.slots,
        // Two models that load at once on one GPU fail both.
        Class::Gpu(_) => 1,
    };
    let (host, ack_wait) = (&context.worker.host, context.settings.ack_wait);
    let mut tokens = context.bus.tokens(host, class, slots, ack_wait);
    let mut guests = JoinSet::new();
    loop {
        tokio::select! {
            () = context.shutdown.cancelled() => break,
            Some(ended) = guests.join_next() => {
                if let Err(err) = ended {
                    warn!(%err, "attending to a guest ended badly; it is given again");
                }
            }
            given = tokens.next() => match given {
                Given::Token(token) => {
                    guests.spawn(attend(Arc::clone(&context), token.guest, Some(token)));
                }
                Given::Foreign(foreign) => match context.bus.file_foreign(&foreign, now()).await {
                    Ok(letter) => warn!(?letter, cause = %foreign.cause, "a token that is not ours"),
                    Err(err) => warn!(%err, "a foreign token was not filed"),
                },
            },
        }
    }
    if !guests.is_empty() {
        info!(%class, guests = guests.len(), "ends after the changes in hand");
    }
    while guests.join_next().await.is_some() {}
}
