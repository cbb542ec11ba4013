//! The walk: every step of a guest's way, one after the other.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use backoff::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use phoenix_domain::{
    Change, Facets, Foreseen, GuestSpec, Plan, RunId, Seen, Step, StepName, Verdict, Vmid, chain,
    foresee,
};
use phoenix_hypervisor::{Depth, Hand, HostError, Hypervisor};
use tokio::time::sleep;
use tracing::{Instrument as _, debug, error_span};

use crate::{Halt, Journal, StepError, Taken};

/// How often what has to hold is looked at.
const GLANCE: Duration = Duration::from_secs(2);
/// How many looks in a row may find that it does not.
const BAD: u32 = 3;

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
        /// The addresses it had at the last look.
        addresses: Vec<IpAddr>,
        /// The numbers of guests that had this one before, by the runs that set them aside.
        aside: BTreeMap<RunId, Vmid>,
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
    /// The steps it is taken through.
    pub way: &'w [Box<dyn Step>],
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
    pub async fn go(&self) -> Outcome {
        let mut changes = 0;
        let mut seen = match self.look_ahead().await {
            Ok(look) => Some(look),
            Err(stuck) => return stuck,
        };
        for step in self.way {
            // What programs read of each line below.
            let about = error_span!(target: "phoenix_job", "step", step = %step.name());
            match self.take(step.as_ref(), &mut seen).instrument(about).await {
                Ok(made) => changes += made,
                Err(Stop::Halt(why)) => return Outcome::Halted { why, before: step.name() },
                Err(Stop::Error(err)) => return Outcome::Stuck { step: step.name(), err },
            }
        }
        let Seen { guest, aside, .. } = seen.map(|look: Look| look.seen).unwrap_or_default();
        let addresses = guest.map(|guest| guest.addresses).unwrap_or_default();
        Outcome::Arrived { changes, addresses, aside }
    }

    /// Looks, and sees whether a step ahead can never be taken: then nothing is touched at all.
    async fn look_ahead(&self) -> Result<Look, Outcome> {
        let first = self.way.first().map_or(StepName::EnsureContainerDefined, |step| step.name());
        let closest =
            self.way.iter().filter(|step| step.concerns(self.want)).map(|step| step.needs());
        let look = self
            .look(closest.max().unwrap_or(Facets::Config), None)
            .await
            .map_err(|err| Outcome::Stuck { step: first, err })?;
        let (ahead, refused) = foresee(self.want, self.way, &look.seen);
        if let Some((Foreseen { step, change, .. }, err)) =
            self.host.obstacle(self.want, &ahead).await
        {
            let err = StepError::NotMade { change: Box::new(change.clone()), err };
            return Err(Outcome::Stuck { step: *step, err });
        }
        match refused {
            Some((step, refusal)) if refusal.verdict() == Verdict::AskHuman => {
                Err(Outcome::Stuck { step, err: refusal.into() })
            }
            Some(_) | None => Ok(look),
        }
    }

    /// Takes one step: look, plan, apply, look again. Returns how many changes that took.
    async fn take(&self, step: &dyn Step, last: &mut Option<Look>) -> Result<u32, Stop> {
        let begun = Instant::now();
        // What the step before saw last is what is: nothing was changed since.
        let mut now = self.look(step.needs(), last.take()).await?;
        let mut plan = step.plan(self.want, &now.seen)?;
        let mut changes = Vec::new();
        let mut pauses = self.patience.build();
        while !plan.is_empty() {
            let Some(stumble) = self.make_all(step.name(), &plan, &mut changes).await? else {
                now = self.look(step.needs(), None).await?;
                let left = step.plan(self.want, &now.seen)?;
                if left.is_empty() {
                    break;
                }
                #[cfg(feature = "planted")]
                if phoenix_planted::is("trusts-exit-status") {
                    break;
                }
                return Err(StepError::DidNotHold { left: left.changes().to_vec() }.into());
            };
            let Some(look) = self.look_after(step, &stumble, &mut pauses).await? else {
                return Err(stumble.into());
            };
            #[cfg(feature = "planted")]
            let look = if phoenix_planted::is("repairs-blind") { now } else { look };
            now = look;
            plan = step.plan(self.want, &now.seen)?;
            if !plan.changes().contains(&stumble.change) {
                changes.push(stumble.change);
            }
        }
        if let Some(hold) = step.holds(&now.seen) {
            now = self.hold(step, hold, now).await?;
        }
        *last = Some(now);
        let made = u32::try_from(changes.len()).unwrap_or(u32::MAX);
        let taken =
            Taken { step: step.name(), phase: step.reaches(), changes, took: begun.elapsed() };
        self.journal.taken(taken).await?;
        Ok(made)
    }

    /// Watches that nothing is left to do for a while, and that what is checked inside of it holds. What is
    /// amiss may pass, also at the end of that time; what stays so does not.
    async fn hold(&self, step: &dyn Step, hold: Duration, now: Look) -> Result<Look, Stop> {
        let (begun, mut now, mut bad) = (Instant::now(), now, 0);
        while begun.elapsed() < hold || bad > 0 {
            self.journal.goes_on().await?;
            sleep(GLANCE.min(hold)).await;
            now = self.look(step.needs(), None).await?;
            let Some(why) = self.amiss(step, &now.seen).await? else {
                bad = 0;
                continue;
            };
            bad += 1;
            if bad == BAD {
                let (held_s, wanted_s) = (begun.elapsed().as_secs(), hold.as_secs());
                return Err(StepError::DidNotLast { held_s, wanted_s, why }.into());
            }
        }
        Ok(now)
    }

    /// Says what is amiss: the check that fails with its last words, or else what would have to be changed.
    async fn amiss(&self, step: &dyn Step, seen: &Seen) -> Result<Option<String>, Stop> {
        let plan = step.plan(self.want, seen)?;
        let checked = match self.host.inspect(self.want, Depth::Checks, self.hand).await {
            Ok(inspected) => inspected.ailing,
            // Nothing can be run in guests of this host.
            Err(HostError::Impossible { .. }) => None,
            Err(err) => Some(chain(&err)),
        };
        let left = plan.changes().first().map(|change| format!("it had to {change}"));
        Ok(checked.or(left))
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

    /// Makes the changes of a plan, up to the first that fails in a way that may pass.
    async fn make_all(
        &self,
        step: StepName,
        plan: &Plan,
        made: &mut Vec<Change>,
    ) -> Result<Option<Stumble>, Stop> {
        for change in plan.changes() {
            if self.caution == Caution::DestroyNothing && change.is_destructive() {
                return Err(StepError::WouldDestroy { change: Box::new(change.clone()) }.into());
            }
            self.journal.before(step, change).await?;
            debug!(%change, "change begun");
            let change = change.clone();
            #[cfg(feature = "planted")]
            if phoenix_planted::is("applies-twice") && change.kind() == "install-feature" {
                drop(self.host.apply(self.want, &change, self.hand).await);
            }
            match self.host.apply(self.want, &change, self.hand).await {
                Ok(()) => made.push(change),
                Err(err) if matches!(err.verdict(), Verdict::Retry | Verdict::Wait) => {
                    return Ok(Some(Stumble { change, err }));
                }
                Err(err) => return Err(Stumble { change, err }.into()),
            }
        }
        Ok(None)
    }

    /// Looks at what a change that failed has left, after a pause: it may have had its effect, a
    /// half of it or none, and only what is missing then is tried again.
    async fn look_after(
        &self,
        step: &dyn Step,
        stumble: &Stumble,
        pauses: &mut ExponentialBackoff,
    ) -> Result<Option<Look>, Stop> {
        let Stumble { change, err } = stumble;
        let mut why = err.to_string();
        #[cfg(feature = "planted")]
        if phoenix_planted::is("undoes-what-was") {
            let undo = Change::Destroy { volumes: Vec::new() };
            drop(self.host.apply(self.want, &undo, self.hand).await);
        }
        for pause in pauses.by_ref() {
            self.journal.stumbled(step.name(), change, &why, pause);
            sleep(pause).await;
            match self.look(step.needs(), None).await {
                Ok(look) => return Ok(Some(look)),
                Err(blind) if matches!(blind.verdict(), Verdict::Retry | Verdict::Wait) => {
                    why = blind.to_string();
                }
                Err(blind) => return Err(blind.into()),
            }
        }
        Ok(None)
    }
}

/// A change that failed.
struct Stumble {
    change: Change,
    err: HostError,
}

impl From<Stumble> for StepError {
    fn from(Stumble { change, err }: Stumble) -> Self {
        Self::NotMade { change: Box::new(change), err }
    }
}

/// What was seen, and how closely.
struct Look {
    facets: Facets,
    seen: Seen,
}
