//! Attends to one guest: lock, claim, walk, and what comes of it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use backoff::ExponentialBuilder;
use chrono::{DateTime, TimeDelta, Utc};
use phoenix_bus::{End, Pen, Stopped, Token};
use phoenix_domain::chain;
use phoenix_domain::health::Condition;
use phoenix_domain::{
    Begun, Blocked, Cancelled, Cause, Claim, Claimed, Completed, DeadLettered, Facets, Fact,
    Failed, Goal, GuestKey, GuestSpec, Move, Obstacle, Record, Repair, RestartBegun, RetryWait,
    ReturnBegun, Safety, SpecDigest, Standing, Step, StepName, Verdict, next_move,
};
use phoenix_engine::{Caution, Halt, Outcome, StepError, Walk};
use phoenix_hypervisor::{Hand, Hypervisor, Lock, Scarce};
use tracing::{Instrument as _, info, instrument, warn};

use crate::about;
use crate::context::{Context, now, spread};
use crate::failure;
use crate::journal::LogJournal;
use crate::stock::Unstocked;
use crate::voice::Voice;

/// How often a guest may be claimed without getting any further: its work kills its worker.
const IDLE_CLAIMS: u32 = 5;
/// How long a worker that is to end waits for a log that does not answer.
const HOPELESS: Duration = Duration::from_secs(5);
/// How often others may be faster before the guest is left to its next token.
const TRIES: u32 = 8;
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_mins(5);
/// How long an order of the health monitor holds.
const STALE: TimeDelta = TimeDelta::minutes(2);

/// How attending to a guest ended.
enum Ended {
    /// Nothing is left to do now.
    Settled,
    /// It is wanted otherwise than a moment ago.
    Changed,
    /// Somebody else is at it, or this worker is to end: nothing may be acknowledged.
    LetGo,
}

/// Attends to a guest until nothing is left to do for it now.
#[instrument(skip_all, fields(%guest))]
pub(crate) async fn attend<H: Hypervisor>(
    context: Arc<Context<H>>,
    guest: GuestKey,
    token: Option<Box<Token>>,
) {
    let Some(at) = context.busy.take(guest) else {
        // This process is at it already, and looks at the log again when it is done.
        if let Some(token) = token {
            token.done().await;
        }
        return;
    };
    let pulse = async {
        let Some(token) = &token else { return std::future::pending().await };
        let mut pulse = token.pulse();
        pulse.tick().await;
        loop {
            pulse.tick().await;
            token.hold().await;
        }
    };
    let stop = context.duty.stop();
    let work = async {
        if stop.is_cancelled() {
            Ended::LetGo
        } else {
            context.work_on(guest).instrument(about::guest(guest)).await
        }
    };
    let ended = tokio::select! {
        ended = work => ended,
        () = pulse => Ended::LetGo,
    };
    drop(at);
    if let Some(token) = token {
        match ended {
            Ended::Settled | Ended::Changed => token.done().await,
            Ended::LetGo if context.shutdown.is_cancelled() => token.again(Duration::ZERO).await,
            // Once it may go on, all guests are looked at again.
            Ended::LetGo if stop.is_cancelled() => token.done().await,
            Ended::LetGo => {}
        }
    }
    // The dispatcher may have passed it over while we were at it.
    context.look_again(guest);
}

impl<H: Hypervisor> Context<H> {
    async fn work_on(&self, guest: GuestKey) -> Ended {
        let Some(lock) = self.hold(Scarce::Guest, &guest.to_string()).await else {
            return Ended::LetGo;
        };
        let mut known = self.view.end(guest).map(|end| (*end).clone());
        for _ in 0..TRIES {
            let end = match known.take() {
                Some(end) => end,
                None => match self.bus.end(guest).await {
                    Ok(Some(end)) => end,
                    Ok(None) => return Ended::Settled,
                    Err(err) => {
                        warn!(%err, "the log cannot be read");
                        return Ended::LetGo;
                    }
                },
            };
            if !self.is_to_do(&end.event.state) {
                return Ended::Settled;
            }
            let about = about::run(&end.event);
            match self.claim(end, &lock).instrument(about).await {
                Ended::Settled => return Ended::Settled,
                Ended::LetGo => return Ended::LetGo,
                Ended::Changed => {}
            }
        }
        Ended::Settled
    }

    /// Says whether there is something to do for a guest, now and here.
    fn is_to_do(&self, state: &Record) -> bool {
        if state.desired.host != self.worker.host {
            return false;
        }
        if state.work.standing == Standing::Working {
            // We hold its lock, so whoever worked on it does not any more.
            return true;
        }
        let ends: Vec<_> =
            state.desired.waits_for().filter_map(|below| self.view.end(below)).collect();
        let find = |key| ends.iter().map(|end| &end.event.state).find(|below| below.guest == key);
        matches!(next_move(state, find, now()), Move::Wake)
    }

    /// Claims a guest, does what there is to do, and says what came of it.
    async fn claim(&self, end: End, lock: &Lock) -> Ended {
        let (guest, begun) = (end.event.state.guest, Instant::now());
        let id = uuid::Uuid::new_v4().simple().to_string();
        let is_behind = end.seq < self.epochs.last(guest);
        #[cfg(feature = "planted")]
        let is_behind = is_behind && !phoenix_planted::is("ignores-epoch");
        let mut teller = self.teller.clone();
        teller.traceparent.clone_from(&end.event.traceparent);
        let before = end.event.state.clone();
        let asked = matches!(end.event.fact, Fact::RepairRequested(_)).then_some(end.event.time);
        let why_failed = if let Fact::Failed(failed) = &end.event.fact {
            Some(failed.why.clone())
        } else {
            None
        };
        let pen = Pen::new(self.bus.clone(), teller, id.clone(), end);
        let spec = match before.desired.spec.read() {
            Ok(spec) => match self.told_where(spec, guest).await {
                Some(spec) => Ok(spec),
                None => return Ended::LetGo,
            },
            Err(err) => Err(err),
        };
        let way = match &spec {
            Ok(spec) => {
                let way = before.desired.way(spec, None);
                way.iter().map(|step| step.name()).collect()
            }
            Err(_) => Vec::new(),
        };
        let tools = self.tools().clone();
        pen.say(Claimed { claim: Claim { id, worker: self.worker.clone() }, way, tools });
        let job = async {
            let claimed = match pen.settled().await {
                Ok(claimed) => claimed,
                // Somebody was faster; what is there to do now is for the log to say.
                Err(Stopped::Fenced) => return Ended::Changed,
            };
            let state = claimed.event.state;
            let caution = if is_behind && !state.desired.trusts_log {
                warn!(
                    seq = claimed.seq,
                    "the log of this guest went backwards: nothing is destroyed"
                );
                Caution::DestroyNothing
            } else {
                self.note(guest, claimed.seq);
                Caution::None
            };
            let said = match spec {
                _ if before.work.standing == Standing::Failed => {
                    self.bury(&pen, &state, why_failed.as_deref()).await
                }
                _ if state.desired.cancelled || self.is_stale(&state, asked).await => {
                    pen.say(Cancelled { before: state.step() });
                    Ended::Settled
                }
                _ if state.work.idle_claims > IDLE_CLAIMS => {
                    let why = format!(
                        "claimed {IDLE_CLAIMS} times without getting any further: its work seems to kill its worker"
                    );
                    self.give_up(&pen, why).await
                }
                Err(err) => {
                    let why = format!("its spec cannot be read by this version: {err}");
                    self.give_up(&pen, why).await
                }
                Ok(spec) => self.walk(&pen, &spec, &state, lock, caution, begun).await,
            };
            match (said, pen.settled().await) {
                (Ended::LetGo, _) | (_, Err(Stopped::Fenced)) => Ended::LetGo,
                (Ended::Changed, Ok(_)) => Ended::Changed,
                (Ended::Settled, Ok(end)) => {
                    if caution == Caution::DestroyNothing && end.event.state.is_complete() {
                        self.note(guest, end.seq);
                    }
                    let is_wanted_otherwise = end.event.state.work.standing == Standing::Requested;
                    self.view.told(end);
                    if is_wanted_otherwise { Ended::Changed } else { Ended::Settled }
                }
            }
        };
        let write = async {
            pen.write().await;
            // It writes no more; the job finds that out before its next change.
            std::future::pending::<()>().await;
        };
        let hopeless = async {
            self.shutdown.cancelled().await;
            while pen.lag() < HOPELESS {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            warn!(%guest, "NATS is away, so the log does not hear how this ended; it will be looked at again");
        };
        tokio::select! {
            ended = job => ended,
            () = write => Ended::LetGo,
            () = hopeless => Ended::LetGo,
        }
    }

    /// Says whether a repair that the health monitor ordered should not be made any more: it waited
    /// for too long, or the guest was found to be well since. One that was begun is brought to its end.
    async fn is_stale(&self, state: &Record, asked: Option<DateTime<Utc>>) -> bool {
        let is_ordered = matches!(&state.desired.cause, Cause::Repair { order: Some(_), .. });
        if !is_ordered || state.work.restart.is_some() {
            return false;
        }
        if asked.is_some_and(|asked| now() - asked > STALE) {
            warn!(guest = %state.guest, "a repair that was ordered too long ago is not made");
            return true;
        }
        match self.bus.conditions(state.guest).await {
            Ok(found) if found.is_empty() => false,
            Ok(found) => {
                let is_well = found.iter().all(|at| *at == Condition::Healthy);
                if is_well {
                    info!(guest = %state.guest, "it is well again, and is not repaired");
                }
                is_well
            }
            // The order itself was read a moment ago.
            Err(err) => {
                warn!(%err, "how it is now cannot be read");
                false
            }
        }
    }

    async fn walk(
        &self,
        pen: &Pen,
        spec: &GuestSpec,
        state: &Record,
        lock: &Lock,
        caution: Caution,
        begun: Instant,
    ) -> Ended {
        // In the order of their numbers, so that no two guests wait for each other. To take a guest
        // away needs none: it must not wait for a model that another one loads.
        let needed = if state.desired.goal.is_downwards() { &[] } else { spec.gpus.indices() };
        let mut gpus = Vec::new();
        for index in needed {
            let Some(gpu) = self.hold(Scarce::Gpu, &format!("gpu{index}")).await else {
                return Ended::LetGo;
            };
            gpus.push(gpu);
        }
        let (mut voice, ear) = Voice::new();
        let journal = LogJournal {
            guest: state.guest,
            revision: state.desired.revision,
            pen,
            view: &self.view,
            stop: self.duty.stop(),
            held: Mutex::new(Instant::now()),
            said: voice.memory(),
        };
        // What is taken away, or stands still, needs nothing of what was brought along with it.
        if !state.desired.goal.is_downwards()
            && let Err(ended) = self.stocked(pen, spec, state).await
        {
            return ended;
        }
        let way = match self.way(pen, spec, state).await {
            Ok(way) => way,
            Err(ended) => return ended,
        };
        #[cfg(feature = "planted")]
        let way = planted_way(way, state);
        #[cfg(feature = "planted")]
        if phoenix_planted::is("tells-before-effect") {
            let (addresses, upstreams, set_aside) = (Vec::new(), None, None);
            pen.say(Completed { changes: 0, took_ms: 0, addresses, upstreams, set_aside });
        }
        let hand = Hand::holding(gpus.iter().chain([lock]))
            .urgent(self.view.height(state.guest))
            .in_trace(about::trace(pen.traceparent()))
            .heard_by(ear)
            .counted_by(self.patience.clone());
        let (want, host) = (spec, &self.host);
        let walk = Walk {
            want,
            way: &way,
            host,
            journal: &journal,
            hand: &hand,
            caution,
            patience: patience(),
        };
        let outcome = tokio::select! {
            outcome = walk.go() => outcome,
            () = voice.tell(&self.bus, state.guest) => Outcome::Halted {
                why: Halt::ShuttingDown,
                before: StepName::EnsureContainerDefined,
            },
        };
        voice.tell_rest(&self.bus, state.guest).await;
        match outcome {
            Outcome::Arrived { changes, addresses, aside } => {
                let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
                info!(changes, took_ms, "complete");
                let led = || SpecDigest::of_upstreams(&want.upstreams);
                let upstreams = want.is_gateway().then(led);
                let set_aside = aside.get(&state.desired.run).copied();
                pen.say(Completed { changes, took_ms, addresses, upstreams, set_aside });
                Ended::Settled
            }
            Outcome::Halted { why: Halt::Cancelled, before } => {
                info!(%before, "stopped: somebody asked for that");
                pen.say(Cancelled { before: Some(before) });
                Ended::Settled
            }
            Outcome::Halted { why: Halt::Superseded, before } => {
                info!(%before, "something else is wanted now; begins anew");
                Ended::Changed
            }
            Outcome::Halted { why: Halt::Fenced | Halt::ShuttingDown, before } => {
                info!(%before, "let go");
                Ended::LetGo
            }
            Outcome::Stuck { step, err } => {
                if self.leaves_a_half(spec, state, &err).await {
                    return self.go_back(pen, state, step, &err).await;
                }
                self.failed(pen, state, step, &err).await
            }
        }
    }

    /// Makes sure that what was brought along with a guest is here.
    async fn stocked(&self, pen: &Pen, spec: &GuestSpec, state: &Record) -> Result<(), Ended> {
        loop {
            match self.stock.fill(&self.bus, &spec.brings).await {
                Ok(()) => return Ok(()),
                Err(Unstocked::Host { step, err }) => {
                    return Err(self.failed(pen, state, step, &StepError::Blind(err)).await);
                }
                Err(Unstocked::Away(err)) => {
                    warn!(err = %chain(&err), "what was brought along cannot be fetched; it is tried again");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                () = self.duty.stop().cancelled_owned() => return Err(Ended::LetGo),
            }
        }
    }

    /// Returns the steps to the goal. What runs before a restart is told to the log first, so that
    /// whoever goes on with it knows whether it was made.
    async fn way(
        &self,
        pen: &Pen,
        spec: &GuestSpec,
        state: &Record,
    ) -> Result<Vec<Box<dyn Step>>, Ended> {
        let goal = state.desired.goal;
        let facets = match goal {
            Goal::Restarted | Goal::Repaired { by: Repair::Guest | Repair::Recreate } => {
                Some(Facets::Config)
            }
            Goal::Repaired { by: Repair::Service | Repair::Application } => Some(Facets::Inside),
            Goal::Present | Goal::Adopted | Goal::Running | Goal::Stopped | Goal::Absent { .. } => {
                None
            }
        };
        let before = match (&state.work.restart, facets) {
            (Some(begun), _) => begun.from.clone(),
            (None, Some(facets)) => {
                let seen = match self.host.look(spec, facets).await {
                    Ok(seen) => seen,
                    Err(err) => {
                        let step = StepName::RestartGuest;
                        return Err(self.failed(pen, state, step, &StepError::Blind(err)).await);
                    }
                };
                let guest = seen.guest;
                let boot = match facets {
                    Facets::Config => guest.and_then(|guest| guest.boot),
                    Facets::Inside => {
                        guest.and_then(|guest| guest.inside).and_then(|inside| inside.repaired)
                    }
                };
                pen.say(RestartBegun { boot: boot.clone() });
                pen.settled().await.map_err(|Stopped::Fenced| Ended::LetGo)?;
                boot
            }
            (None, None) => None,
        };
        let begun = Begun { run: state.desired.run.clone(), at: now(), before };
        Ok(state.desired.way(spec, Some(&begun)))
    }

    /// Says whether a guest that can go back to what it was is half of what it should be. What only
    /// waits for somebody goes on when that is done.
    async fn leaves_a_half(&self, spec: &GuestSpec, state: &Record, err: &StepError) -> bool {
        let Some(Safety::Guarded { snapshot, .. }) = &state.desired.safety else { return false };
        if err.verdict() == Verdict::Wait {
            return false;
        }
        match self.host.look(spec, Facets::Config).await {
            Ok(seen) => seen.guest.is_some_and(|guest| guest.snapshots.contains_key(snapshot)),
            // Whoever cannot look could not go back either.
            Err(_) => false,
        }
    }

    /// Says that a step could not be taken, and gives up: the guest goes back to what it was at once.
    async fn go_back(&self, pen: &Pen, state: &Record, step: StepName, err: &StepError) -> Ended {
        let what = failure::tell(pen, step, err);
        warn!(guest = %state.guest, "it goes back to what it was");
        self.give_up(pen, what).await
    }

    /// Says that a step could not be taken, and what happens next.
    async fn failed(&self, pen: &Pen, state: &Record, step: StepName, err: &StepError) -> Ended {
        let what = failure::tell(pen, step, err);
        let (attempts, of) = (state.work.attempts + 1, self.settings.attempts);
        match err.verdict() {
            #[cfg(feature = "planted")]
            Verdict::Retry if phoenix_planted::is("gives-up-at-once") => {
                self.give_up(pen, what).await
            }
            Verdict::Retry if attempts < of => {
                let at = now() + wait(self.settings.retry_after, attempts);
                pen.say(RetryWait { at, attempt: attempts + 1, of });
                Ended::Settled
            }
            Verdict::Retry => {
                self.give_up(pen, format!("tried {attempts} times; the last time: {what}")).await
            }
            Verdict::Wait => {
                let at = now() + wait(self.settings.retry_after, state.work.waits + 1);
                pen.say(RetryWait { at, attempt: attempts, of });
                Ended::Settled
            }
            Verdict::GiveUp => self.give_up(pen, what).await,
            Verdict::AskHuman => {
                let advice = err.advice().unwrap_or("look at the host").to_owned();
                pen.say(Blocked { obstacle: Obstacle::Question { question: what, advice } });
                Ended::Settled
            }
        }
    }

    /// Gives a guest up: says so, and files its whole story.
    async fn give_up(&self, pen: &Pen, why: String) -> Ended {
        pen.say(Failed { why: why.clone() });
        let Ok(end) = pen.settled().await else { return Ended::LetGo };
        self.bury(pen, &end.event.state, Some(&why)).await
    }

    /// Files the story of a guest that was given up. Until that is done it is not settled, so that
    /// somebody will do it.
    async fn bury(&self, pen: &Pen, state: &Record, why: Option<&str>) -> Ended {
        let failure = state.work.failure.as_ref().map(|failure| failure.what.as_str());
        let cause = why.or(failure).unwrap_or("given up").to_owned();
        let about = format!("{}/{}", state.guest, state.desired.revision);
        loop {
            match self.bus.file_guest(state, &cause, &about, now()).await {
                Ok(letter) => {
                    warn!(letter, %cause, "given up");
                    match &state.desired.safety {
                        Some(Safety::Guarded { .. }) => pen.say(ReturnBegun { why: cause, letter }),
                        Some(Safety::Returned { .. }) | None => pen.say(DeadLettered { letter }),
                    }
                    return Ended::Settled;
                }
                Err(err) => warn!(%err, "the dead letter was not filed; it is tried again"),
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                () = self.duty.stop().cancelled_owned() => return Ended::LetGo,
            }
        }
    }

    fn note(&self, guest: GuestKey, seq: u64) {
        if let Err(err) = self.epochs.note(guest, seq) {
            warn!(%err, "how far the log has come was not noted");
        }
    }
}

/// Returns the way without what the record says was taken already, where that bug is planted.
#[cfg(feature = "planted")]
fn planted_way(way: Vec<Box<dyn Step>>, state: &Record) -> Vec<Box<dyn Step>> {
    let was_complete = state.desired.revision > 1 && phoenix_planted::is("trusts-record");
    if was_complete { Vec::new() } else { way }
}

/// Returns how a change that failed in passing is tried again at once.
fn patience() -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(Duration::from_millis(200))
        .with_max_delay(Duration::from_secs(2))
        .with_max_times(2)
}

/// Returns how long to wait before the attempt after `attempts` that failed.
fn wait(first: Duration, attempts: u32) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    // Guests that failed together should not come back together.
    spread(first.saturating_mul(1 << doublings).min(LONGEST_WAIT))
}
