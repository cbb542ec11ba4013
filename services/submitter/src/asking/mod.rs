//! What is to be asked of a guest, given what is known of it. Plain functions over records.

mod canary;
mod host;
mod links;
#[cfg(test)]
pub(crate) mod tests;
mod turn;

use std::collections::BTreeMap;

use phoenix_domain::{
    Cause, Class, Desired, Fact, Goal, GuestKey, NodeName, Phase, Record, Requested, RunId, Safety,
    SpecDigest, SpecText, Standing,
};

pub(crate) use self::canary::try_first;
pub(crate) use self::host::{Hosts, Silent, host_of, silent_hosts};
pub(crate) use self::links::{How, Links};
pub(crate) use self::turn::{Turn, is_built, on_turn, refuse, turned};

/// What is wanted of a guest.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) guest: GuestKey,
    pub(crate) name: String,
    pub(crate) host: NodeName,
    pub(crate) class: Class,
    pub(crate) cause: Cause,
    pub(crate) digest: SpecDigest,
    pub(crate) stands_on: Vec<GuestKey>,
    /// Those of the same run that try it first.
    pub(crate) after: BTreeMap<GuestKey, SpecDigest>,
    pub(crate) goal: Goal,
    pub(crate) spec: SpecText,
}

/// Who asks, and in which run.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    pub(crate) run: RunId,
    pub(crate) by: String,
    pub(crate) trusts_log: bool,
    /// How long a guest has to stay healthy, or it goes back; absent where it does not go back.
    pub(crate) hold_s: Option<u32>,
}

/// What is to be done about a wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is asked for.
    Ask,
    /// It is as wanted already.
    AsDesired,
    /// It is being worked on as wanted already.
    Joined,
    /// It lives on another host.
    LivesElsewhere(NodeName),
}

/// Says what is to be done about a guest somebody submits.
pub(crate) fn on_submit(wanted: &Wanted, before: Option<&Record>) -> Answer {
    let Some(record) = before else { return Answer::Ask };
    let desired = &record.desired;
    if desired.host != wanted.host {
        return match record.work.phase {
            // Nothing of it is anywhere yet.
            Phase::Defined if record.work.standing != Standing::Working => Answer::Ask,
            Phase::Defined
            | Phase::Created
            | Phase::Configured
            | Phase::Running
            | Phase::Customizing
            | Phase::Completed => Answer::LivesElsewhere(desired.host.clone()),
        };
    }
    let is_meant = match (wanted.goal, desired.goal) {
        // What was taken over is as its spec says, as what was made is.
        (Goal::Present, Goal::Adopted) => true,
        (wanted, desired) => wanted == desired,
    };
    if desired.digest != wanted.digest || !is_meant {
        return Answer::Ask;
    }
    if record.is_complete() && record.work.drift.is_empty() {
        return Answer::AsDesired;
    }
    // It waits for one that tried something else, and would wait for ever.
    let is_stuck = matches!(record.work.standing, Standing::BlockedBy { guest, .. } if desired.after.contains(&guest));
    if record.is_settled() || desired.cancelled || is_stuck { Answer::Ask } else { Answer::Joined }
}

/// Says what is to be done about a guest somebody wants tried again.
pub(crate) fn on_retry(record: &Record) -> Answer {
    // It is what it was, and what was given up stands in its letter: nothing is left to try again.
    if record.gone_back().is_some() && record.work.drift.is_empty() {
        return Answer::AsDesired;
    }
    if record.is_settled() || record.desired.cancelled {
        return Answer::Ask;
    }
    match record.work.standing {
        // Somebody is at it, or will be at once.
        Standing::Working | Standing::Requested => Answer::Joined,
        Standing::RetryWait { .. }
        | Standing::BlockedBy { .. }
        | Standing::Blocked { .. }
        | Standing::Completed
        | Standing::Failed
        | Standing::Dead { .. }
        | Standing::Cancelled => Answer::Ask,
    }
}

/// Returns the request for a guest.
pub(crate) fn request(wanted: &Wanted, asking: &Asking, before: Option<&Record>) -> Fact {
    let desired = Desired {
        revision: next_revision(before),
        run: asking.run.clone(),
        host: wanted.host.clone(),
        class: wanted.class,
        cause: wanted.cause.clone(),
        digest: wanted.digest.clone(),
        stands_on: wanted.stands_on.clone(),
        by: asking.by.clone(),
        cancelled: false,
        trusts_log: asking.trusts_log,
        goal: wanted.goal,
        safety: safety(asking.hold_s, &asking.run, before),
        after: wanted.after.keys().copied().collect(),
        tried: wanted.after.clone(),
        spec: wanted.spec.clone(),
    };
    Requested { desired: Box::new(desired) }.into()
}

/// Returns the request for a guest as it was asked for before.
pub(crate) fn again(asked: &Desired, asking: &Asking, now: &Record) -> Fact {
    let desired = Desired {
        revision: next_revision(Some(now)),
        run: asking.run.clone(),
        cause: Cause::Retried,
        by: asking.by.clone(),
        cancelled: false,
        trusts_log: asking.trusts_log,
        goal: now.goal_again(asked.goal),
        safety: safety(asked.safety.as_ref().and_then(Safety::hold_s), &asking.run, Some(now)),
        ..asked.clone()
    };
    Requested { desired: Box::new(desired) }.into()
}

/// Returns how a guest goes back. What was begun with a way back keeps it to its end.
fn safety(hold_s: Option<u32>, run: &RunId, before: Option<&Record>) -> Option<Safety> {
    let unfinished = before.filter(|before| !before.is_complete());
    let begun = unfinished.and_then(|before| before.desired.safety.as_ref()?.hold_s());
    Safety::guard(before, run, hold_s.or(begun)?)
}

fn next_revision(before: Option<&Record>) -> u64 {
    before.map_or(1, |record| record.desired.revision + 1)
}
