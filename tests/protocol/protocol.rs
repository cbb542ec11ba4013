//! The system as a stateright model: which actions are possible, and what each leads to.

use stateright::{Model, Property};

use crate::breach::Breaches;
use crate::bugs::Bug;
use crate::properties;
use crate::record::{Record, Steps};
use crate::state::{Faults, Guest, Held, Late, Log, Phase, Sending, State, Token, WORKERS, Worker};

/// What is modelled, and how far.
#[derive(Clone, Debug)]
pub(crate) struct Protocol {
    /// How many steps each guest has.
    pub(crate) steps: u8,
    /// What is asked for each guest, in this order and at any time.
    pub(crate) requests: Vec<Vec<Request>>,
    /// Whether every guest waits for the one before it.
    pub(crate) dependencies: Dependencies,
    pub(crate) faults: Faults,
    pub(crate) dispatcher: Dispatcher,
    /// How many claims in a row may bring nothing.
    pub(crate) idle_claims: u8,
    pub(crate) lock: Lock,
    /// What this model does not promise.
    pub(crate) tolerated: Breaches,
    pub(crate) bug: Option<Bug>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Submit,
    Cancel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dependencies {
    None,
    Chain,
}

/// When a token is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dispatcher {
    /// Once for each event that makes a guest runnable. If a token is there, that is it.
    Events,
    /// Also whenever a guest is not done and has no token.
    Sweeps,
}

/// Whether the workers share a kernel, and so the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    OneHost,
    /// The guest moved, or somebody removed the file of the lock.
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    Fresh,
    Stale,
}

/// What becomes of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Answered,
    AnswerLost,
    Refused,
    /// The writer is told of a time-out, and the append lands later or not at all.
    Delayed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    NothingSent,
    AppendOnItsWay,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Ask {
        guest: usize,
    },
    Publish {
        guest: usize,
    },
    LoseToken {
        guest: usize,
    },
    Deliver {
        worker: usize,
        guest: usize,
    },
    /// Takes the lock and reads the log; behind an acknowledgement only the latter.
    Read {
        worker: usize,
        view: View,
    },
    Send {
        worker: usize,
        fate: Fate,
    },
    /// Reads the log to learn what became of an append.
    Settle {
        worker: usize,
        view: View,
    },
    LateLands,
    Look {
        worker: usize,
        view: View,
    },
    Start {
        worker: usize,
    },
    ChildEnds {
        worker: usize,
        guest: usize,
        outcome: Outcome,
    },
    Acknowledge {
        worker: usize,
    },
    /// Ends a fenced job, without acknowledging.
    GiveUp {
        worker: usize,
    },
    Crash {
        worker: usize,
        crash: Crash,
    },
}

impl Protocol {
    pub(crate) fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// Says whether the guest has to wait for another that was not completed yet.
    pub(crate) fn is_blocked(&self, state: &State, guest: usize) -> bool {
        match self.dependencies {
            Dependencies::None => false,
            Dependencies::Chain => guest > 0 && !state.guests[guest - 1].was_completed,
        }
    }

    /// Says whether somebody may take the lock of a guest.
    fn is_free(&self, state: &State, guest: usize) -> bool {
        if self.lock == Lock::None || self.has(Bug::NoLock) {
            return true;
        }
        let by_worker = state.workers.iter().filter_map(Worker::job).any(|job| job.guest == guest);
        let by_child = state.guests[guest].children.iter().any(Option::is_some);
        !by_worker && (!by_child || self.has(Bug::LockNotInherited))
    }

    fn actions_around(&self, state: &State, at: usize, actions: &mut Vec<Action>) {
        let guest = &state.guests[at];
        let may_ask = match self.requests[at].get(usize::from(guest.asked)) {
            None => false,
            Some(Request::Submit | Request::Cancel) => true,
        };
        if may_ask {
            actions.push(Action::Ask { guest: at });
        }
        if self.may_publish(state, at) {
            actions.push(Action::Publish { guest: at });
        }
        if guest.token != Token::Absent && state.left.lost_tokens > 0 {
            actions.push(Action::LoseToken { guest: at });
        }
        for (worker, child) in guest.children.iter().enumerate() {
            if child.is_some() {
                actions.push(Action::ChildEnds { worker, guest: at, outcome: Outcome::Done });
                if state.left.failures > 0 {
                    let outcome = Outcome::Failed;
                    actions.push(Action::ChildEnds { worker, guest: at, outcome });
                }
            }
        }
        let is_held = state.workers.iter().any(|worker| worker.holds_token(at));
        let may_deliver = match guest.token {
            Token::Absent => false,
            Token::Queued => true,
            Token::Delivered => !is_held || state.left.redeliveries > 0,
        };
        if may_deliver && let Some(worker) = state.workers.iter().position(|w| *w == Worker::Idle) {
            actions.push(Action::Deliver { worker, guest: at });
        }
    }

    fn actions_of(&self, state: &State, worker: usize, actions: &mut Vec<Action>) {
        let may_crash = state.left.crashes > 0;
        let views = |guest: usize| {
            let is_stale = state.left.stale_reads > 0 && state.guests[guest].log.before.is_some();
            [Some(View::Fresh), is_stale.then_some(View::Stale)].into_iter().flatten()
        };
        let job = match &state.workers[worker] {
            Worker::Idle => return,
            Worker::Waiting { guest, .. } => {
                if self.is_free(state, *guest) {
                    actions.extend(views(*guest).map(|view| Action::Read { worker, view }));
                }
                if may_crash {
                    actions.push(Action::Crash { worker, crash: Crash::NothingSent });
                }
                return;
            }
            Worker::Busy(job) => job,
        };
        match job.phase {
            Phase::Claiming | Phase::Applying(_) | Phase::Ending => {}
            Phase::Looking(step) => {
                for view in views(job.guest) {
                    if self.may_look(state, job, step, view) {
                        actions.push(Action::Look { worker, view });
                    }
                }
            }
            Phase::Starting(_) => {
                // Only without a lock can the place of a worker still have the child of the last.
                if state.guests[job.guest].children[worker].is_none() {
                    actions.push(Action::Start { worker });
                }
            }
            Phase::Finished | Phase::Needless => actions.push(Action::Acknowledge { worker }),
            Phase::Acknowledged => {
                actions.extend(views(job.guest).map(|view| Action::Read { worker, view }));
            }
            Phase::Fenced => actions.push(Action::GiveUp { worker }),
        }
        let may_be_late = state.left.late_appends > 0 && state.late.is_none();
        let is_sending = job.outbox.first.is_some() && job.outbox.sending != Sending::Doubtful;
        if is_sending {
            actions.push(Action::Send { worker, fate: Fate::Answered });
            // What would be refused anyway can have no other fate.
            let would_land = self.would_land(state, job);
            if state.left.lost_answers > 0 && would_land {
                actions.push(Action::Send { worker, fate: Fate::AnswerLost });
            }
            if state.left.refusals > 0 && would_land {
                actions.push(Action::Send { worker, fate: Fate::Refused });
            }
            if may_be_late && would_land {
                actions.push(Action::Send { worker, fate: Fate::Delayed });
            }
        } else if job.outbox.first.is_some() {
            actions.extend(views(job.guest).map(|view| Action::Settle { worker, view }));
        }
        if may_crash {
            actions.push(Action::Crash { worker, crash: Crash::NothingSent });
            if is_sending && may_be_late {
                actions.push(Action::Crash { worker, crash: Crash::AppendOnItsWay });
            }
        }
    }

    fn crash(state: &mut State, worker: usize, crash: Crash) {
        state.left.crashes -= 1;
        if let Worker::Busy(job) = state.workers[worker]
            && crash == Crash::AppendOnItsWay
            && let Some(event) = job.outbox.first
        {
            state.left.late_appends -= 1;
            state.late = Some(Late { guest: job.guest, claim: job.claim, base: job.known, event });
        }
        Self::leave(state, worker);
    }

    fn give_up(&self, state: &mut State, worker: usize) {
        if let Worker::Busy(job) = state.workers[worker]
            && job.token == Held::Current
            && self.has(Bug::FencedAcknowledges)
        {
            state.drop_token(job.guest);
        }
        Self::leave(state, worker);
    }

    /// Has a worker go, and its child live on.
    fn leave(state: &mut State, worker: usize) {
        state.workers[worker] = Worker::Idle;
        for guest in &mut state.guests {
            if let Some(child) = &mut guest.children[worker] {
                child.is_orphan = true;
            }
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let log =
            Log { sequence: 0, last: Record::default(), is_last_by_requester: false, before: None };
        let guest = Guest {
            log,
            token: Token::Absent,
            applied: [Steps::default(); 2],
            children: [None; WORKERS],
            asked: 0,
            news: false,
            was_completed: false,
            begun_late: 0,
        };
        vec![State {
            guests: vec![guest; self.requests.len()],
            workers: [Worker::Idle; WORKERS],
            late: None,
            left: self.faults,
            breaches: Breaches::default(),
        }]
    }

    /// Lists exactly what is possible: that the list is empty is what being at rest means.
    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if !state.breaches.without(self.tolerated).is_empty() {
            return; // What follows from a breach is of no interest.
        }
        for guest in 0..state.guests.len() {
            self.actions_around(state, guest, actions);
        }
        for worker in 0..WORKERS {
            self.actions_of(state, worker, actions);
        }
        if state.late.is_some() {
            actions.push(Action::LateLands);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Ask { guest } => self.ask(&mut state, guest),
            Action::Publish { guest } => Self::publish(&mut state, guest),
            Action::LoseToken { guest } => Self::lose_token(&mut state, guest),
            Action::Deliver { worker, guest } => Self::deliver(&mut state, worker, guest),
            Action::Read { worker, view } => self.read(&mut state, worker, view),
            Action::Send { worker, fate } => self.send(&mut state, worker, fate),
            Action::Settle { worker, view } => self.settle(&mut state, worker, view),
            Action::LateLands => self.late_lands(&mut state),
            Action::Look { worker, view } => self.look(&mut state, worker, view),
            Action::Start { worker } => self.start(&mut state, worker),
            Action::ChildEnds { worker, guest, outcome } => {
                Self::child_ends(&mut state, worker, guest, outcome);
            }
            Action::Acknowledge { worker } => self.acknowledge(&mut state, worker),
            Action::GiveUp { worker } => self.give_up(&mut state, worker),
            Action::Crash { worker, crash } => Self::crash(&mut state, worker, crash),
        }
        state.forget();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
