//! What is promised, and what must be possible for the promises to mean anything.

use stateright::{Model, Property};

use crate::action::Action;
use crate::breach::Breach;
use crate::protocol::Protocol;
use crate::record::{Standing, Steps};
use crate::state::{Guest, Phase, Sending, State, Worker};

pub(crate) const APPLIED_ONCE: &str = "no change is applied twice";
pub(crate) const NOT_UNDONE: &str = "no change is undone by an older one";
pub(crate) const ONE_AT_A_TIME: &str = "a guest is changed by one at a time";
pub(crate) const FOLD: &str = "the last event is the fold of all";
pub(crate) const HOLDER_RECORDS: &str = "only the holder of the claim records";
pub(crate) const RECORDED_ONCE: &str = "no step is recorded twice";
pub(crate) const HOLDER_BEGINS: &str = "only the holder of the claim begins a change";
pub(crate) const CANCELLED: &str = "what is recorded as cancelled is not begun";
pub(crate) const CANCEL_OBEYED: &str = "behind a wish to cancel one change begins at most";
pub(crate) const COMPLETED: &str = "what is recorded as completed is on the host";
pub(crate) const PARENT_FIRST: &str = "a child is claimed behind its parent's completion";
pub(crate) const ENDS_WELL: &str = "what comes to rest is done";

pub(crate) const REBASED: &str = "an append is rebased";
pub(crate) const FENCED: &str = "a worker is fenced";
pub(crate) const ORPHAN: &str = "the child of a dead worker is waited for";
pub(crate) const AGAIN: &str = "the token of a finished guest is delivered";
pub(crate) const IS_CANCELLED: &str = "a guest is cancelled";
pub(crate) const IS_FAILED: &str = "a guest fails";
pub(crate) const RETRIED: &str = "a guest waits for a retry";
pub(crate) const PIPELINED: &str = "a change begins while the last step is not yet recorded";

/// Lists them all.
///
/// That everything ends well is an `always` property of the moments in which nothing happens by itself
/// any more, and not an `eventually`: stateright follows the latter only along the first way it finds to
/// a state, so that where ways join it may miss one. Faults are counted and every other action
/// brings the system forward, so that no run goes on for ever; a test of its own shows that.
pub(crate) fn all() -> Vec<Property<Protocol>> {
    vec![
        Property::always(APPLIED_ONCE, |model, state| !has(model, state, Breach::AppliedTwice)),
        Property::always(NOT_UNDONE, |model, state| !has(model, state, Breach::Undone)),
        Property::always(ONE_AT_A_TIME, |model, state| !has(model, state, Breach::Overlap)),
        Property::always(FOLD, |model, state| !has(model, state, Breach::NotTheFold)),
        Property::always(HOLDER_RECORDS, |model, state| !has(model, state, Breach::NotTheHolder)),
        Property::always(RECORDED_ONCE, |model, state| !has(model, state, Breach::RecordedTwice)),
        Property::always(HOLDER_BEGINS, |model, state| !has(model, state, Breach::BegunUnclaimed)),
        Property::always(CANCELLED, |model, state| !has(model, state, Breach::BegunAfterCancelled)),
        Property::always(CANCEL_OBEYED, |model, state| {
            !has(model, state, Breach::BegunLongAfterCancel)
        }),
        Property::always(COMPLETED, |model, state| !has(model, state, Breach::CompletedTooEarly)),
        Property::always(PARENT_FIRST, |model, state| {
            !has(model, state, Breach::ChildBeforeParent)
        }),
        Property::always(ENDS_WELL, |model, state| {
            !is_at_rest(model, state) || is_done(model, state)
        }),
        Property::sometimes(REBASED, |_, state: &State| {
            jobs(state, |job| job.outbox.sending == Sending::Rebased)
        }),
        Property::sometimes(FENCED, |_, state| jobs(state, |job| job.phase == Phase::Fenced)),
        Property::sometimes(ORPHAN, |_, state: &State| {
            state.workers.iter().any(|worker| match *worker {
                Worker::Idle | Worker::Busy(_) => false,
                Worker::Waiting { guest, .. } => {
                    state.guests[guest].children.iter().flatten().any(|child| child.is_orphan)
                }
            })
        }),
        Property::sometimes(AGAIN, |_, state: &State| {
            jobs(state, |job| {
                let last = state.guests[job.guest].log.last;
                job.phase == Phase::Needless && !last.is_owed()
            })
        }),
        Property::sometimes(IS_CANCELLED, |_, state| any(state, Standing::Cancelled)),
        Property::sometimes(IS_FAILED, |_, state| any(state, Standing::Failed)),
        Property::sometimes(RETRIED, |_, state| any(state, Standing::RetryWait)),
        Property::sometimes(PIPELINED, |_, state: &State| {
            jobs(state, |job| matches!(job.phase, Phase::Applying(_)) && job.outbox.first.is_some())
        }),
    ]
}

fn has(model: &Protocol, state: &State, breach: Breach) -> bool {
    state.breaches.without(model.tolerated).has(breach)
}

fn any(state: &State, standing: Standing) -> bool {
    state.guests.iter().any(|guest| guest.log.last.work.standing == standing)
}

fn jobs(state: &State, is: impl Fn(&crate::state::Job) -> bool) -> bool {
    state.workers.iter().filter_map(Worker::job).any(is)
}

/// Says whether nothing happens any more, unless there is a fault or a request.
fn is_at_rest(model: &Protocol, state: &State) -> bool {
    if !state.breaches.without(model.tolerated).is_empty() {
        return false; // The model stops there, the system would not.
    }
    let mut actions = Vec::new();
    model.actions(state, &mut actions);
    !actions.into_iter().any(Action::is_certain)
}

fn is_done(model: &Protocol, state: &State) -> bool {
    let is_guest_done = |(at, guest): (usize, &Guest)| {
        let Guest { log, applied, .. } = guest;
        // Whoever waits for a parent that was cancelled or failed waits for a person.
        let waits = model.is_blocked(state, at) && !log.last.desired.cancelled;
        let work = log.last.work;
        let revision = usize::from(work.revision).saturating_sub(1);
        let is_on_the_host = applied[revision] == Steps::first(model.steps);
        let is_as_recorded = work.standing != Standing::Completed || is_on_the_host;
        (waits || !log.last.is_owed()) && is_as_recorded
    };
    state.workers == [Worker::Idle; 2] && state.guests.iter().enumerate().all(is_guest_done)
}
