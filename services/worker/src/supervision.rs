//! Tells who supervises this worker what it is at, and gives it signs of life: as long as the dispatcher turns and
//! NATS answers. A worker that only waits for either is of no use to anybody, and is started anew.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use phoenix_bus::BusError;
use phoenix_domain::chain;
use phoenix_hypervisor::Hypervisor;
use phoenix_service::Supervisor;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::warn;

use crate::context::Context;

/// Asks the dispatcher whether it turns: it answers as soon as it does, and knows all guests.
pub(crate) type RollCall = mpsc::Sender<oneshot::Sender<()>>;
/// What the dispatcher is asked by.
pub(crate) type RollCalls = mpsc::Receiver<oneshot::Sender<()>>;

/// Returns both ends of what the dispatcher is asked by. A second question would say nothing new.
pub(crate) fn roll_calls() -> (RollCall, RollCalls) {
    mpsc::channel(1)
}

/// Why no sign of life is given.
#[derive(Debug)]
enum Silence {
    Dispatcher,
    Nats(String),
}

/// Tells it until it is dropped: also while the changes in hand are ended, which must not be cut short.
pub(crate) async fn keep<H: Hypervisor>(
    context: Arc<Context<H>>,
    supervisor: Supervisor,
    roll_call: RollCall,
) -> std::convert::Infallible {
    let every = supervisor.beat();
    let mut beat = interval(every);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut is_ready, mut is_ending, mut missed) = (false, false, 0_u32);
    loop {
        tokio::select! {
            _ = beat.tick() => {}
            () = context.shutdown.cancelled(), if !is_ending => {
                is_ending = true;
                supervisor.stopping();
            }
        }
        let guests = Guests(context.busy.count());
        if is_ending {
            // How long this may take is the supervisor's to say, by another limit.
            supervisor.alive();
            supervisor.status(&format!("ends after the changes in hand, of {guests}"));
            continue;
        }
        match lives(&roll_call, context.bus.answers(), every).await {
            Ok(()) => {
                missed = 0;
                if !is_ready {
                    is_ready = true;
                    supervisor.ready();
                }
                supervisor.alive();
                supervisor.status(&format!("works on {guests}"));
            }
            Err(silence) => {
                missed += 1;
                warn!(%silence, missed, "no sign of life is given");
                supervisor.status(&format!("{silence} (asked {missed} times); at {guests}"));
            }
        }
    }
}

/// Returns once the dispatcher has turned and NATS has answered, each within `limit`.
async fn lives(
    roll_call: &RollCall,
    answer: impl Future<Output = Result<(), BusError>>,
    limit: Duration,
) -> Result<(), Silence> {
    let turn = async {
        let (asker, turned) = oneshot::channel();
        roll_call.send(asker).await.ok()?;
        turned.await.ok()
    };
    match timeout(limit, turn).await {
        Ok(Some(())) => {}
        Ok(None) | Err(_) => return Err(Silence::Dispatcher),
    }
    match timeout(limit, answer).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(err)) => Err(Silence::Nats(chain(&err))),
        Err(_) => Err(Silence::Nats(format!("no answer in {limit:?}"))),
    }
}

/// So many guests.
struct Guests(usize);

impl fmt::Display for Guests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("no guest"),
            1 => f.write_str("1 guest"),
            many => write!(f, "{many} guests"),
        }
    }
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dispatcher => f.write_str("does not know all guests yet, or looks at none"),
            Self::Nats(why) => write!(f, "NATS does not answer: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(20);

    /// Answers every roll call, as a dispatcher that turns.
    async fn turn(mut calls: RollCalls) -> std::convert::Infallible {
        while let Some(asker) = calls.recv().await {
            asker.send(()).unwrap();
        }
        std::future::pending().await
    }

    #[tokio::test]
    async fn a_worker_lives_whose_dispatcher_turns_and_whose_server_answers() {
        let (roll_call, calls) = roll_calls();

        tokio::select! {
            lives = lives(&roll_call, async { Ok(()) }, LIMIT) => lives.unwrap(),
            never = turn(calls) => match never {},
        }
    }

    #[tokio::test]
    async fn a_dispatcher_that_stands_still_is_no_life_whatever_nats_says() {
        let (roll_call, _calls) = roll_calls();

        for _ in 0..3 {
            let silence = lives(&roll_call, async { Ok(()) }, LIMIT).await.unwrap_err();
            assert!(matches!(silence, Silence::Dispatcher), "{silence}");
        }
    }

    #[tokio::test]
    async fn nor_is_a_server_that_does_not_answer() {
        let (roll_call, calls) = roll_calls();

        let silence = tokio::select! {
            lives = lives(&roll_call, std::future::pending(), LIMIT) => lives.unwrap_err(),
            never = turn(calls) => match never {},
        };

        assert!(matches!(silence, Silence::Nats(_)), "{silence}");
    }
}
