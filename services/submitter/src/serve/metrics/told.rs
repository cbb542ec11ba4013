//! What is counted as it happens: by the log, and by what senders are told.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
#[cfg(feature = "otlp")]
use phoenix_domain::RunId;
use phoenix_domain::{Event, Fact, SourceName, Verdict};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

use super::names;
use super::runs::{self, Runs, Was};
use super::write::{Labels, Writer, labels};
use crate::states::States;

/// The upper ends of what durations are sorted into, in seconds.
const BUCKETS: [f64; 12] =
    [1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0];

/// How many runs may have ended that whoever listens has not heard of yet.
#[cfg(feature = "otlp")]
const BEHIND: usize = 1024;

type Durations = Family<Labels, Histogram>;

/// What was counted since this server began.
#[derive(Clone)]
pub(in crate::serve) struct Told(Arc<Counts>);

struct Counts {
    runs: Family<Labels, Counter>,
    run_durations: Durations,
    step_durations: Durations,
    step_retries: Family<Labels, Counter>,
    repairs: Family<Labels, Counter>,
    webhooks: Family<Labels, Counter>,
    /// When the last one of each sender came of which something was made.
    webhook_success: Mutex<BTreeMap<SourceName, DateTime<Utc>>>,
    open: Mutex<Runs>,
    /// Who hears of runs that end.
    #[cfg(feature = "otlp")]
    ended: tokio::sync::broadcast::Sender<RunId>,
}

impl Told {
    /// Begins to count, with the guests as they are.
    pub(in crate::serve) fn begin(states: &States) -> Self {
        let runs = Family::<Labels, Counter>::default();
        for result in runs::RESULTS {
            zero(&runs, &labels(&names::RUNS, [result.to_owned()]));
        }
        let durations = || Durations::new_with_constructor(|| Histogram::new(BUCKETS));
        Self(Arc::new(Counts {
            runs,
            run_durations: durations(),
            step_durations: durations(),
            step_retries: Family::default(),
            repairs: Family::default(),
            webhooks: Family::default(),
            webhook_success: Mutex::default(),
            open: Mutex::new(Runs::of(states)),
            #[cfg(feature = "otlp")]
            ended: tokio::sync::broadcast::Sender::new(BEHIND),
        }))
    }

    /// Goes on counting, with the guests as they are: the log is another one.
    pub(in crate::serve) fn anew(&self, states: &States) {
        // What is in it was whole before anything broke.
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner).anew(states);
    }

    /// Counts what happened to a guest that was like this before. The states are as they are now.
    pub(in crate::serve) fn happened(&self, states: &States, before: Option<Was>, event: &Event) {
        self.at_work(before.as_ref().map(|was| was.since), event);
        self.ended(states, before, event);
    }

    /// Counts what happened at work; what was told before was told at the end of the step before.
    fn at_work(&self, step_began: Option<DateTime<Utc>>, event: &Event) {
        let counts = &self.0;
        match &event.fact {
            Fact::StepTaken(taken) => {
                let about =
                    labels(&names::STEP_DURATION, [taken.step.to_string(), "taken".to_owned()]);
                let took = std::time::Duration::from_millis(taken.took_ms).as_secs_f64();
                counts.step_durations.get_or_create(&about).observe(took);
            }
            Fact::StepFailed(failed) => {
                let failure = &failed.failure;
                let Some((step, began)) = failure.step.zip(step_began) else { return };
                let result = match failure.verdict {
                    Verdict::Wait => "waited",
                    Verdict::Retry | Verdict::GiveUp | Verdict::AskHuman => "failed",
                };
                let about = labels(&names::STEP_DURATION, [step.to_string(), result.to_owned()]);
                let took = seconds(failure.at - began);
                counts.step_durations.get_or_create(&about).observe(took);
            }
            Fact::RetryWait(_) => {
                let Some(failure) = &event.state.work.failure else { return };
                let step = failure.step.map(|step| step.to_string()).unwrap_or_default();
                let class = match failure.verdict {
                    Verdict::Retry => "failed",
                    Verdict::Wait => "held",
                    Verdict::GiveUp => "hopeless",
                    Verdict::AskHuman => "unclear",
                };
                let about = labels(&names::STEP_RETRIES, [step, class.to_owned()]);
                counts.step_retries.get_or_create(&about).inc();
            }
            Fact::Requested(_)
            | Fact::RepairRequested(_)
            | Fact::CancelRequested(_)
            | Fact::Answered(_)
            | Fact::Claimed(_)
            | Fact::Blocked(_)
            | Fact::Completed(_)
            | Fact::RestartBegun(_)
            | Fact::Drifted(_)
            | Fact::Failed(_)
            | Fact::ReturnBegun(_)
            | Fact::DeadLettered(_)
            | Fact::Cancelled(_) => {}
        }
    }

    /// Counts the runs that ended with what happened.
    fn ended(&self, states: &States, before: Option<Was>, event: &Event) {
        let counts = &self.0;
        let ended = {
            // What is in it was whole before anything broke.
            let mut open = counts.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.take(states, before, event)
        };
        for one in ended {
            #[cfg(feature = "otlp")]
            // Where nobody listens, nobody is told.
            drop(self.0.ended.send(one.run.clone()));
            let result = one.result.to_owned();
            let about = labels(&names::RUNS, [result.clone()]);
            counts.runs.get_or_create(&about).inc();
            if let Some(took) = one.took {
                counts.run_durations.get_or_create(&about).observe(seconds(took));
            }
            if let Some(rung) = one.repair {
                let about = labels(&names::REPAIRS, [rung.to_string(), result]);
                counts.repairs.get_or_create(&about).inc();
            }
        }
    }

    /// Returns the runs that end from now on.
    #[cfg(feature = "otlp")]
    pub(in crate::serve) fn runs_that_end(&self) -> tokio::sync::broadcast::Receiver<RunId> {
        self.0.ended.subscribe()
    }

    /// Begins to count what this sender of webhooks is told.
    pub(in crate::serve) fn expects(&self, source: &SourceName, results: &[&str]) {
        for result in results {
            let about = [source.to_string(), (*result).to_owned()];
            zero(&self.0.webhooks, &labels(&names::WEBHOOKS, about));
        }
    }

    /// Counts what the sender of a webhook was told.
    pub(in crate::serve) fn answered(&self, source: &SourceName, result: &str) {
        let about = labels(&names::WEBHOOKS, [source.to_string(), result.to_owned()]);
        self.0.webhooks.get_or_create(&about).inc();
    }

    /// Notes that something was made of a webhook that came then.
    pub(in crate::serve) fn took(&self, source: &SourceName, at: DateTime<Utc>) {
        // What is in it was whole before anything broke.
        let mut last = self.0.webhook_success.lock().unwrap_or_else(PoisonError::into_inner);
        let known = last.entry(source.clone()).or_insert(at);
        *known = at.max(*known);
    }

    pub(super) fn write(&self, to: &mut Writer<'_>) -> fmt::Result {
        let counts = &self.0;
        to.counted(&names::RUNS, &counts.runs)?;
        to.counted(&names::RUN_DURATION, &counts.run_durations)?;
        to.counted(&names::STEP_DURATION, &counts.step_durations)?;
        to.counted(&names::STEP_RETRIES, &counts.step_retries)?;
        to.counted(&names::REPAIRS, &counts.repairs)?;
        to.counted(&names::WEBHOOKS, &counts.webhooks)?;
        let last = counts.webhook_success.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let last = last.into_iter().map(|(source, at)| ([source.to_string()], instant(at)));
        to.gauges(&names::WEBHOOK_SUCCESS, last)
    }
}

/// Has nothing counted as 0: what is never told before it is 1 never grew, for who looks from outside.
fn zero(counter: &Family<Labels, Counter>, about: &Labels) {
    drop(counter.get_or_create_owned(about));
}

/// Returns a span as a sample has it; clocks that disagree make none that is negative.
pub(super) fn seconds(span: chrono::TimeDelta) -> f64 {
    span.to_std().unwrap_or_default().as_secs_f64()
}

/// Returns a time as a sample has it.
pub(super) fn instant(at: DateTime<Utc>) -> f64 {
    seconds(at - DateTime::UNIX_EPOCH)
}
