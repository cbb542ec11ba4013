//! What is to be asked of guests that are to be started, stopped, started anew or removed.

use phoenix_domain::{
    Cause, Class, Desired, Fact, Goal, GuestKey, Phase, Record, Requested, Standing, Vmid,
};

use super::{Answer, Asking, Wanted, next_revision, request};
use crate::error::CommandError;

/// What a guest's turn is to bring.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    pub(crate) guest: GuestKey,
    pub(crate) goal: Goal,
    pub(crate) cause: Cause,
    /// What has to be done before it.
    pub(crate) stands_on: Vec<GuestKey>,
    /// How it is made where it never was; only for what named guests stand on.
    pub(crate) new: Option<Wanted>,
}

/// Refuses what was typed and can never be done.
pub(crate) fn refuse(asked: Vmid, goal: Goal, before: Option<&Record>) -> Result<(), CommandError> {
    let never_built = |is_gone| CommandError::NeverBuilt { asked, is_gone };
    let Some(record) = before else {
        return Err(match goal {
            Goal::Running | Goal::Restarted | Goal::Repaired { .. } | Goal::Stopped => {
                never_built(false)
            }
            Goal::Present | Goal::Adopted | Goal::Absent { .. } => {
                CommandError::NeverSubmitted { asked }
            }
        });
    };
    let is_gone = record.is_complete() && !record.desired.goal.leaves_a_guest();
    let rests = || record.desired.spec.read().is_ok_and(|spec| spec.rests());
    match goal {
        Goal::Running | Goal::Restarted | Goal::Repaired { .. } if rests() => {
            Err(CommandError::Rests { asked })
        }
        Goal::Running if is_on_its_way_up(record) => Ok(()),
        Goal::Running if !is_built(record) => Err(never_built(is_gone)),
        Goal::Stopped | Goal::Restarted | Goal::Repaired { .. }
            if is_gone || record.work.phase == Phase::Defined =>
        {
            Err(never_built(is_gone))
        }
        Goal::Present
        | Goal::Adopted
        | Goal::Running
        | Goal::Stopped
        | Goal::Restarted
        | Goal::Repaired { .. }
        | Goal::Absent { .. } => Ok(()),
    }
}

/// Says what is to be done about a guest whose turn it is.
pub(crate) fn on_turn(turn: &Turn, before: Option<&Record>) -> Answer {
    let Some(record) = before else { return Answer::Ask };
    let is_at_it = is_in_work(record) && record.desired.goal == turn.goal;
    let is_named = turn.cause == Cause::Submitted;
    match turn.goal {
        Goal::Running | Goal::Present if is_on_its_way_up(record) => Answer::Joined,
        // What it stands on is touched only where it was stopped, or is not there.
        Goal::Running | Goal::Present
            if !is_named && record.can_be_stood_on() && record.desired.goal != Goal::Stopped =>
        {
            Answer::AsDesired
        }
        Goal::Absent { .. } if record.is_complete() && !record.desired.goal.leaves_a_guest() => {
            Answer::AsDesired
        }
        _ if is_at_it => Answer::Joined,
        Goal::Present
        | Goal::Adopted
        | Goal::Running
        | Goal::Stopped
        | Goal::Restarted
        | Goal::Repaired { .. }
        | Goal::Absent { .. } => Answer::Ask,
    }
}

/// Returns the request: the guest as it was asked for last, with another goal.
pub(crate) fn turned(turn: &Turn, asking: &Asking, before: Option<&Record>) -> Option<Fact> {
    let Some(record) = before.filter(|record| turn.new.is_none() || is_built(record)) else {
        return turn.new.as_ref().map(|new| request(new, asking, before));
    };
    let mut goal = turn.goal;
    let asked = &record.desired;
    if goal == Goal::Running && asked.spec.read().is_ok_and(|spec| spec.rests()) {
        // What is there for being cloned rests once it is as it should be.
        goal = Goal::Present;
    }
    let class = if goal.is_downwards() { Class::Std } else { asked.class };
    let desired = Desired {
        revision: next_revision(before),
        run: asking.run.clone(),
        class,
        cause: turn.cause.clone(),
        stands_on: turn.stands_on.clone(),
        by: asking.by.clone(),
        cancelled: false,
        trusts_log: asking.trusts_log,
        goal,
        safety: None,
        after: Vec::new(),
        tried: std::collections::BTreeMap::new(),
        ..asked.clone()
    };
    Some(Requested { desired: Box::new(desired) }.into())
}

/// Says whether a guest was made to its end, and was not removed since.
pub(crate) fn is_built(record: &Record) -> bool {
    record.work.phase == Phase::Completed && record.desired.goal.leaves_a_guest()
}

fn is_in_work(record: &Record) -> bool {
    let is_given_up = record.work.standing == Standing::Failed;
    !record.is_settled() && !record.desired.cancelled && !is_given_up
}

/// Says whether it is being worked on, and runs in the end.
fn is_on_its_way_up(record: &Record) -> bool {
    is_in_work(record)
        && match record.desired.goal {
            Goal::Present
            | Goal::Adopted
            | Goal::Running
            | Goal::Restarted
            | Goal::Repaired { .. } => true,
            Goal::Stopped | Goal::Absent { .. } => false,
        }
}
