//! What a fact makes of the state of a guest.

use super::fact::{Completed, Fact, Obstacle, ReturnBegun};
use crate::{
    Back, Desired, Goal, GuestKey, Phase, Record, Restart, Safety, Standing, Verdict, Work,
};

impl Record {
    /// Returns the state after a fact. The state in a guest's last event is the fold of its
    /// history by this function, and nothing else.
    pub fn after(before: Option<&Self>, guest: GuestKey, fact: &Fact) -> Option<Self> {
        match fact {
            Fact::Requested(asked) => Some(Self::asked(before, guest, &asked.desired)),
            Fact::RepairRequested(asked) => Some(Self::asked(before, guest, &asked.desired)),
            Fact::CancelRequested(_)
            | Fact::Answered(_)
            | Fact::Claimed(_)
            | Fact::StepTaken(_)
            | Fact::StepFailed(_)
            | Fact::RetryWait(_)
            | Fact::Blocked(_)
            | Fact::Completed(_)
            | Fact::RestartBegun(_)
            | Fact::Drifted(_)
            | Fact::Failed(_)
            | Fact::ReturnBegun(_)
            | Fact::DeadLettered(_)
            | Fact::Cancelled(_) => {
                let mut record = before?.clone();
                record.told(fact);
                Some(record)
            }
        }
    }

    /// A request changes what is wanted and leaves a worker that is at the guest alone: it will
    /// find the new revision at its next append, and start over.
    fn asked(before: Option<&Self>, guest: GuestKey, desired: &Desired) -> Self {
        let work = match before.map(|before| &before.work) {
            Some(work) if work.standing == Standing::Working => work.clone(),
            Some(work) => work.anew(desired.revision),
            None => Work::none(desired.revision),
        };
        Self { guest, desired: desired.clone(), work }
    }

    fn told(&mut self, fact: &Fact) {
        let goal_again = self.goal_again(self.desired.goal);
        let Self { guest: _, desired, work } = self;
        match fact {
            Fact::Requested(_) | Fact::RepairRequested(_) => {}
            Fact::CancelRequested(_) => {
                desired.cancelled = true;
                if work.standing != Standing::Working {
                    settle(work, desired.revision, Standing::Cancelled);
                }
            }
            // Whoever is asked again is asked about the same request: its run goes on, or ends.
            Fact::Answered(answered) if answered.yes => {
                desired.goal = goal_again;
                *work = work.anew(desired.revision);
            }
            Fact::Answered(_) => {
                desired.cancelled = true;
                settle(work, desired.revision, Standing::Cancelled);
            }
            Fact::Claimed(claimed) => {
                if work.revision != desired.revision {
                    *work = work.anew(desired.revision);
                }
                work.standing = Standing::Working;
                work.claim = Some(claimed.claim.clone());
                work.way.clone_from(&claimed.way);
                work.taken.clear();
                work.idle_claims += 1;
            }
            Fact::StepTaken(taken) => {
                work.taken.push(taken.step);
                if desired.goal.is_whole() {
                    work.phase = taken.phase;
                }
                // What was changed says nothing: a change that killed its worker was told by nobody,
                // and one that is undone and made again each time leads nowhere.
                if work.taken.len() > work.reached {
                    work.reached = work.taken.len();
                    work.idle_claims = 0;
                }
            }
            Fact::StepFailed(failed) => {
                work.failure = Some(failed.failure.clone());
                // To wait for somebody is no failure.
                if failed.failure.verdict == Verdict::Wait {
                    work.waits += 1;
                } else {
                    work.attempts += 1;
                    work.waits = 0;
                }
                work.idle_claims = 0;
            }
            Fact::RetryWait(wait) => leave(work, desired, Standing::RetryWait { at: wait.at }),
            Fact::Blocked(blocked) => {
                let standing = match &blocked.obstacle {
                    Obstacle::Guest { guest, root } => {
                        Standing::BlockedBy { guest: *guest, root: *root }
                    }
                    Obstacle::Question { question, advice } => {
                        Standing::Blocked { question: question.clone(), advice: advice.clone() }
                    }
                };
                leave(work, desired, standing);
            }
            Fact::RestartBegun(begun) => {
                work.restart = Some(Restart { from: begun.boot.clone() });
            }
            Fact::Drifted(drifted) => {
                work.drift.clone_from(&drifted.changes);
                if let Some(addresses) = &drifted.addresses {
                    work.addresses.clone_from(addresses);
                }
            }
            Fact::Completed(completed) => complete(work, desired, completed),
            Fact::ReturnBegun(begun) => go_back(work, desired, begun),
            Fact::Failed(_) => leave(work, desired, Standing::Failed),
            Fact::DeadLettered(dead) => {
                leave(work, desired, Standing::Dead { letter: dead.letter });
            }
            Fact::Cancelled(_) => leave(work, desired, Standing::Cancelled),
        }
    }
}

fn complete(work: &mut Work, desired: &mut Desired, completed: &Completed) {
    work.addresses.clone_from(&completed.addresses);
    if desired.goal.is_whole() {
        work.upstreams.clone_from(&completed.upstreams);
    }
    work.drift.clear();
    work.restart = None;
    // Who only starts or stops a guest brings it no further.
    match desired.goal {
        Goal::Absent { .. } => work.phase = Phase::Defined,
        goal if goal.is_whole() => work.phase = Phase::Completed,
        Goal::Present
        | Goal::Adopted
        | Goal::Running
        | Goal::Stopped
        | Goal::Restarted
        | Goal::Repaired { .. } => {}
    }
    work.attempts = 0;
    work.waits = 0;
    work.idle_claims = 0;
    work.failure = None;
    if work.revision == desired.revision {
        // What comes next has no way back of its own, and waits for nobody of this run.
        desired.safety.take_if(|safety| safety.hold_s().is_some());
        desired.after.clear();
        desired.tried.clear();
    }
    leave(work, desired, Standing::Completed);
}

/// Has a guest wanted again as it was.
fn go_back(work: &mut Work, desired: &mut Desired, begun: &ReturnBegun) {
    // A newer request stands, and finds its way back in what it follows.
    let Some(Safety::Guarded { snapshot, back, .. }) =
        desired.safety.take_if(|_| work.revision == desired.revision)
    else {
        return leave(work, desired, Standing::Dead { letter: begun.letter });
    };
    let Back { digest, stands_on, spec } = *back;
    (desired.digest, desired.stands_on, desired.spec) = (digest, stands_on, spec);
    desired.goal = Goal::Present;
    let (why, letter) = (begun.why.clone(), begun.letter);
    desired.safety = Some(Safety::Returned { snapshot, why, letter });
    desired.revision += 1;
    *work = work.anew(desired.revision);
}

/// Ends a claim. What it found out is about its own revision: where a newer request has come in
/// the meantime, that one stands.
fn leave(work: &mut Work, desired: &Desired, standing: Standing) {
    if work.revision == desired.revision {
        work.claim = None;
        work.standing = standing;
    } else {
        *work = work.anew(desired.revision);
    }
}

fn settle(work: &mut Work, revision: u64, standing: Standing) {
    work.revision = revision;
    work.claim = None;
    work.standing = standing;
}
