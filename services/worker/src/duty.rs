//! Whether guests are worked on: not while the node is drained, and not once the worker is to end.

use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use phoenix_bus::{BusError, Drain};
use phoenix_domain::chain;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::context::Context;

/// How long to wait before it is asked once more where that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether guests are worked on.
pub(crate) struct Duty {
    shutdown: CancellationToken,
    /// Cancelled while the node is drained, and with the worker. Each time off has its own.
    stop: Mutex<CancellationToken>,
    drained: watch::Sender<Option<Drain>>,
}

impl Duty {
    pub(crate) fn new(shutdown: &CancellationToken, drained: Option<Drain>) -> Self {
        let stop = shutdown.child_token();
        if drained.is_some() {
            stop.cancel();
        }
        let (shutdown, drained) = (shutdown.clone(), watch::Sender::new(drained));
        Self { shutdown, stop: Mutex::new(stop), drained }
    }

    /// Returns what is cancelled as soon as no change may be begun any more.
    pub(crate) fn stop(&self) -> CancellationToken {
        self.token().clone()
    }

    /// Says why nothing is begun, now and whenever that changes.
    pub(crate) fn drained(&self) -> watch::Receiver<Option<Drain>> {
        self.drained.subscribe()
    }

    pub(crate) fn is_drained(&self) -> bool {
        self.drained.borrow().is_some()
    }

    fn set(&self, drain: Option<Drain>) {
        if drain.is_some() {
            self.token().cancel();
        } else if self.is_drained() {
            *self.token() = self.shutdown.child_token();
        }
        self.drained.send_if_modified(|there| {
            let is_new = *there != drain;
            *there = drain;
            is_new
        });
    }

    fn token(&self) -> MutexGuard<'_, CancellationToken> {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Follows whether the node is drained, until the worker ends.
pub(crate) async fn keep<H>(context: &Context<H>) {
    tokio::select! {
        never = follow(context) => match never {},
        () = context.shutdown.cancelled() => {}
    }
}

async fn follow<H>(context: &Context<H>) -> Infallible {
    let mut tail = loop {
        match context.bus.tail_drain(&context.worker.host).await {
            Ok(tail) => break tail,
            Err(err) => wait(&err).await,
        }
    };
    loop {
        let drain = tail.next().await;
        let was_drained = context.duty.is_drained();
        match &drain {
            Some(drain) => info!(by = drain.by, why = drain.why, "drained: nothing is begun here"),
            None if was_drained => info!("guests are worked on again"),
            None => {}
        }
        let is_over = drain.is_none();
        context.duty.set(drain);
        if was_drained && is_over {
            // Nobody was woken meanwhile.
            for guest in context.view.guests() {
                context.look_again(guest);
            }
        }
    }
}

async fn wait(err: &BusError) {
    warn!(err = %chain(err), "it cannot be asked whether this node is drained; it is tried again");
    tokio::time::sleep(PAUSE).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain() -> Drain {
        let since = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        Drain { by: "ann".to_owned(), why: None, since }
    }

    #[test]
    fn what_was_begun_before_a_drain_stops_and_what_is_begun_after_it_does_not() {
        let duty = Duty::new(&CancellationToken::new(), None);
        let before = duty.stop();

        duty.set(Some(drain()));
        let meanwhile = duty.stop();
        duty.set(None);

        let are_stopped = [before, meanwhile, duty.stop()].map(|stop| stop.is_cancelled());
        assert_eq!(are_stopped, [true, true, false]);
    }

    #[test]
    fn who_starts_on_a_drained_node_begins_nothing() {
        assert!(Duty::new(&CancellationToken::new(), Some(drain())).stop().is_cancelled());
    }

    #[test]
    fn the_end_of_the_worker_stops_all() {
        let shutdown = CancellationToken::new();
        let duty = Duty::new(&shutdown, Some(drain()));
        duty.set(None);

        shutdown.cancel();

        assert!(duty.stop().is_cancelled());
    }
}
