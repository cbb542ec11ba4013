//! Wakes a guest the moment it can be worked on: after a request, when a retry is due, and when
//! the last of the guests it stands on is complete.
//!
//! It keeps nothing but a copy of the ends of all logs, so it may die at any time, and there may
//! be any number of it: the queue takes one token a guest. Each worker wakes the guests of its own
//! host, as nobody else could work on them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use phoenix_bus::{BusError, End, Foreign, From, Told, Waked};
use phoenix_domain::{Blocked, Class, GuestKey, Move, Obstacle, Standing, next_move};
use phoenix_hypervisor::Hypervisor;
use tokio::sync::mpsc;
use tracing::{debug, info, warn};

use crate::attend::attend;
use crate::context::{Context, now};
use crate::supervision::RollCalls;

/// How often everything is looked at again, whatever was told.
const SWEEP: Duration = Duration::from_secs(20);
/// How often guests are looked for whose worker is gone.
const RESCUE: Duration = Duration::from_secs(3);
/// How long to wait where a token is there already: whoever has it may be about to let it go.
const SOON: Duration = Duration::from_millis(250);
/// How long to wait where the queue did not answer.
const LATER: Duration = Duration::from_secs(1);

struct Dispatcher<H> {
    context: Arc<Context<H>>,
    classes: HashSet<Class>,
    timers: BinaryHeap<Reverse<(DateTime<Utc>, GuestKey)>>,
    /// Guests whose token is on its way.
    waking: HashSet<GuestKey>,
}

/// Runs until the worker ends.
pub(crate) async fn run<H: Hypervisor + 'static>(
    context: Arc<Context<H>>,
    classes: Vec<Class>,
    mut nudges: mpsc::UnboundedReceiver<GuestKey>,
    mut roll_calls: RollCalls,
) -> Result<(), BusError> {
    let mut tail = context.bus.tail(From::LastOfEach).await?;
    let shutdown = context.shutdown.clone();
    let mut connected = context.bus.connected();
    let mut dispatcher = Dispatcher {
        context,
        classes: classes.into_iter().collect(),
        timers: BinaryHeap::new(),
        waking: HashSet::new(),
    };
    let mut wakings = FuturesUnordered::new();
    let mut rescues = FuturesUnordered::new();
    let (mut sweep, mut rescue) = (tokio::time::interval(SWEEP), tokio::time::interval(RESCUE));
    let mut is_caught_up = false;
    loop {
        let due = dispatcher.timers.peek().map(|Reverse((at, _))| *at);
        let mut open = Vec::new();
        tokio::select! {
            () = shutdown.cancelled() => break,
            told = tail.next() => match told {
                // All events of a row have one place in the log, and the last one is its end.
                Told::Event { .. } if tail.is_within_a_row() => {}
                Told::Event { seq, event } => {
                    let guest = event.state.guest;
                    dispatcher.context.view.told(End { seq, event: *event });
                    dispatcher.context.known.heard();
                    if is_caught_up {
                        open.push(guest);
                        open.extend(dispatcher.context.view.above(guest));
                    }
                }
                #[cfg(feature = "planted")]
                Told::Unreadable(_) if phoenix_planted::is("poison-blocks") => {
                    std::future::pending::<()>().await;
                }
                Told::Unreadable(foreign) => {
                    if !is_caught_up {
                        dispatcher.file_older(&foreign).await;
                    }
                    dispatcher.file(&foreign).await;
                }
                Told::CaughtUp => {
                    is_caught_up = true;
                    open = dispatcher.context.view.guests();
                    dispatcher.context.known.knows_all(true);
                    info!(guests = open.len(), "every guest's state is known");
                    rescue.reset_immediately();
                }
                Told::Rewound => {
                    warn!("the log is another one than before, or went backwards");
                    dispatcher.context.known.knows_all(false);
                    dispatcher.context.view.forget();
                }
            },
            Some(guest) = nudges.recv() => open.push(guest),
            Some(asker) = roll_calls.recv(), if is_caught_up => {
                // Who asks does not wait for ever.
                let _gone = asker.send(());
            }
            Some((guest, waked)) = wakings.next() => dispatcher.waked(guest, &waked),
            Some(()) = rescues.next() => {}
            () = until(due), if due.is_some() => {
                open.extend(dispatcher.timers.pop().map(|Reverse((_, guest))| guest));
            }
            _ = sweep.tick() => if is_caught_up {
                open = dispatcher.context.view.guests();
            },
            _ = rescue.tick() => if is_caught_up && !dispatcher.context.duty.is_drained() {
                for guest in dispatcher.orphans() {
                    rescues.push(attend(Arc::clone(&dispatcher.context), guest, None));
                }
            },
            Ok(()) = connected.changed() => {
                // The queue lives in the server's memory; a server that was away has lost it.
                if let Err(err) = dispatcher.context.bus.set_up(dispatcher.context.setup.durability).await {
                    warn!(%err, "the streams could not be looked after");
                }
                open = dispatcher.context.view.guests();
            }
        }
        dispatcher.context.view.most_urgent_first(&mut open);
        for guest in open {
            if let Some(class) = dispatcher.judge(guest).await {
                let context = Arc::clone(&dispatcher.context);
                wakings.push(async move {
                    let waked = context.bus.wake(&context.worker.host, class, guest).await;
                    (guest, waked)
                });
            }
        }
    }
    // What was begun is ended; each of them has been told to stop before its next change.
    while rescues.next().await.is_some() {}
    Ok(())
}

impl<H: Hypervisor> Dispatcher<H> {
    /// Decides about one guest. Returns its class when it is to be woken now.
    async fn judge(&mut self, guest: GuestKey) -> Option<Class> {
        let (context, now) = (&self.context, now());
        if self.waking.contains(&guest) || context.busy.has(guest) || context.duty.is_drained() {
            return None;
        }
        let host = &context.worker.host;
        let (next, class) = context.view.judge(guest, |record, below| {
            if record.desired.host != *host {
                return (Move::None, record.desired.class);
            }
            let foundations: Vec<_> = record.desired.waits_for().map(below).collect();
            let find = |guest| {
                foundations
                    .iter()
                    .flatten()
                    .map(|end| &end.event.state)
                    .find(|state| state.guest == guest)
            };
            (next_move(record, find, now), record.desired.class)
        })?;
        match next {
            Move::None => None,
            Move::WakeAt(at) => {
                self.timers.push(Reverse((at, guest)));
                None
            }
            Move::BlockBy { guest: on, root } => {
                self.block(guest, Obstacle::Guest { guest: on, root }).await;
                None
            }
            Move::Wake if self.classes.contains(&class) => {
                self.waking.insert(guest);
                Some(class)
            }
            Move::Wake => {
                let question = format!("host {host} has no {class}; where should it run?");
                let advice = "give the guest another GPU or another host, and submit it again; a worker that was started before the driver was loaded must be started anew";
                let advice = advice.to_owned();
                self.block(guest, Obstacle::Question { question, advice }).await;
                None
            }
        }
    }

    /// Tells a guest what is in its way, unless that has changed meanwhile.
    async fn block(&self, guest: GuestKey, obstacle: Obstacle) {
        let context = &self.context;
        let seen = context.view.end(guest).map(|end| end.event.state.clone());
        let asked = context
            .bus
            .ask(&context.setup, &context.teller, &[guest], |_, state| {
                let is_same = state == seen.as_ref();
                is_same.then(|| Blocked { obstacle: obstacle.clone() }.into())
            })
            .await;
        match asked {
            Ok(_) => info!(%guest, ?obstacle, "blocked"),
            Err(err) => warn!(%guest, %err, "a guest was not told what it waits for"),
        }
    }

    fn waked(&mut self, guest: GuestKey, waked: &Result<Waked, BusError>) {
        self.waking.remove(&guest);
        match waked {
            Ok(Waked::Now) => debug!(%guest, "woken"),
            Ok(Waked::Before) => self.again(guest, SOON),
            Err(err) => {
                debug!(%guest, %err, "not woken yet");
                self.again(guest, LATER);
            }
        }
    }

    fn again(&mut self, guest: GuestKey, after: Duration) {
        self.timers.push(Reverse((now() + after, guest)));
    }

    /// Returns the guests of this host that somebody worked on who does not hold them any more.
    fn orphans(&self) -> Vec<GuestKey> {
        let context = &self.context;
        let is_orphan = |guest: &GuestKey| {
            let is_working = context.view.end(*guest).is_some_and(|end| {
                let state = &end.event.state;
                state.desired.host == context.worker.host
                    && state.work.standing == Standing::Working
            });
            is_working && !context.busy.has(*guest) && context.is_free(*guest)
        };
        context.view.guests().into_iter().filter(is_orphan).collect()
    }

    /// Files what is in the log and not ours, and goes by the last event that is.
    async fn file(&self, foreign: &Foreign) {
        self.bury(foreign).await;
        let context = &self.context;
        let Some(guest) = foreign.guest else { return };
        match context.bus.end(guest).await {
            Ok(Some(end)) => {
                context.view.told(end);
                context.look_again(guest);
            }
            Ok(None) => {}
            Err(err) => warn!(%guest, %err, "the log cannot be read"),
        }
    }

    /// Files what is not ours either and lies under the same subject: who begins with the last message of each has
    /// not heard of those before it.
    async fn file_older(&self, last: &Foreign) {
        let mut tail = match self.context.bus.tail_beside(last).await {
            Ok(tail) => tail,
            Err(err) => return warn!(%err, "what lies beside a foreign message was not read"),
        };
        loop {
            match tail.next().await {
                Told::Event { .. } => {}
                Told::Unreadable(foreign) => self.bury(&foreign).await,
                Told::CaughtUp | Told::Rewound => return,
            }
        }
    }

    async fn bury(&self, foreign: &Foreign) {
        let context = &self.context;
        match context.bus.file_foreign(foreign, now()).await {
            Ok(Some(letter)) => warn!(letter, cause = %foreign.cause, "a message that is not ours"),
            Ok(None) => {}
            Err(err) => warn!(%err, cause = %foreign.cause, "a foreign message was not filed"),
        }
    }
}

async fn until(due: Option<DateTime<Utc>>) {
    if let Some(due) = due {
        tokio::time::sleep((due - now()).to_std().unwrap_or_default()).await;
    }
}
