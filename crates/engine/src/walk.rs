//! The walk: every step of a guest's way, one after the other.

use std::time::{Duration, Instant};

use backoff::{ExponentialBuilder, Retryable as _};
use phoenix_domain::{Change, Facets, GuestSpec, Seen, Step, StepName, Verdict};
use phoenix_hypervisor::{Hand, HostError, Hypervisor};
use tracing::{debug, instrument};

use crate::{Halt, Journal, StepError, Taken};

/// What may be done to a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caution {
    /// Everything its steps ask for.
    None,
    /// Nothing that destroys something: the log went backwards, and nobody vouched for it yet.
    DestroyNothing,
}

/// How a walk ended.
#[derive(Debug)]
pub enum Outcome {
    /// The guest is as wanted.
    Arrived {
        /// How many changes that took.
        changes: u32,
    },
    /// The journal said stop.
    Halted {
        /// Why.
        why: Halt,
        /// Before which step.
        before: StepName,
    },
    /// A step could not be taken.
    Stuck {
        /// Which.
        step: StepName,
        /// Why.
        err: StepError,
    },
}

/// A walk about to begin.
pub struct Walk<'w, H, J> {
    /// The guest as it should be.
    pub want: &'w GuestSpec,
    /// The host.
    pub host: &'w H,
    /// Who is told.
    pub journal: &'w J,
    /// The locks it is made under.
    pub hand: &'w Hand,
    /// What may be done.
    pub caution: Caution,
    /// How a change that failed is tried again before the step counts as failed.
    pub patience: ExponentialBuilder,
}

/// Why a step was not taken.
enum Stop {
    Halt(Halt),
    Error(StepError),
}

impl From<Halt> for Stop {
    fn from(halt: Halt) -> Self {
        Self::Halt(halt)
    }
}

impl<E: Into<StepError>> From<E> for Stop {
    fn from(err: E) -> Self {
        Self::Error(err.into())
    }
}

impl<H: Hypervisor, J: Journal> Walk<'_, H, J> {
    /// Takes every step. Safe to call any number of times.
    #[instrument(skip_all, fields(guest = %self.want.vmid))]
    pub async fn go(&self) -> Outcome {
        let mut changes = 0;
        let mut seen = None;
        for step in self.want.way() {
            match self.take(step, &mut seen).await {
                Ok(made) => changes += made,
                Err(Stop::Halt(why)) => return Outcome::Halted { why, before: step.name() },
                Err(Stop::Error(err)) => return Outcome::Stuck { step: step.name(), err },
            }
        }
        Outcome::Arrived { changes }
    }

    /// Takes one step: look, plan, apply, look again. Returns how many changes that took.
    #[instrument(skip_all, fields(step = %step.name()))]
    async fn take(&self, step: &dyn Step, last: &mut Option<Look>) -> Result<u32, Stop> {
        let begun = Instant::now();
        // What the step before saw last is what is: nothing was changed since.
        let before = self.look(step.needs(), last.take()).await?;
        let plan = step.plan(self.want, &before.seen)?;
        if plan.is_empty() {
            *last = Some(before);
        } else {
            for change in plan.changes() {
                self.make(step.name(), change).await?;
            }
            let after = self.look(step.needs(), None).await?;
            let left = step.plan(self.want, &after.seen)?;
            if !left.is_empty() {
                let left = left.changes().to_vec();
                return Err(StepError::DidNotHold { left }.into());
            }
            *last = Some(after);
        }
        let changes = plan.changes().to_vec();
        let made = u32::try_from(changes.len()).unwrap_or(u32::MAX);
        let taken =
            Taken { step: step.name(), phase: step.reaches(), changes, took: begun.elapsed() };
        self.journal.taken(taken).await?;
        Ok(made)
    }

    async fn look(&self, facets: Facets, known: Option<Look>) -> Result<Look, StepError> {
        match known {
            Some(look) if look.facets >= facets => Ok(look),
            Some(_) | None => {
                let seen = self.host.look(self.want, facets).await.map_err(StepError::Blind)?;
                Ok(Look { facets, seen })
            }
        }
    }

    /// Makes one change. What fails in passing is tried again a few times, here and at once.
    async fn make(&self, step: StepName, change: &Change) -> Result<(), Stop> {
        if self.caution == Caution::DestroyNothing && change.is_destructive() {
            return Err(StepError::WouldDestroy { change: Box::new(change.clone()) }.into());
        }
        self.journal.before(step, change).await?;
        debug!(%change, "change begun");
        (|| self.host.apply(self.want, change, self.hand))
            .retry(self.patience)
            .when(|err: &HostError| err.verdict() == Verdict::Retry)
            .notify(|err: &HostError, after: Duration| {
                self.journal.stumbled(step, change, &err.to_string(), after);
            })
            .await
            .map_err(|err| StepError::NotMade { change: Box::new(change.clone()), err })?;
        Ok(())
    }
}

/// What was seen, and how closely.
struct Look {
    facets: Facets,
    seen: Seen,
}
