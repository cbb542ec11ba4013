//! The system as a stateright model: which actions are possible, and what each leads to.

use stateright::{Model, Property};

use crate::action::{Action, Crash};
use crate::breach::Breaches;
use crate::bugs::Bug;
use crate::properties;
use crate::record::{Record, Steps};
use crate::state::{Faults, Guest, Held, Log, State, Token, WORKERS, Worker};

/// What is modelled, and how far.
#[derive(Clone, Debug)]
pub(crate) struct Protocol {
    /// How many steps each guest has.
    pub(crate) steps: u8,
    /// What is asked for each guest, in this order and at any time.
    pub(crate) requests: Vec<Vec<Request>>,
    /// Whether every guest waits for the one before it: a clone for its parent, or, where both are
    /// to go, the parent for its clone. Which of the two it is changes nothing here.
    pub(crate) dependencies: Dependencies,
    pub(crate) faults: Faults,
    pub(crate) dispatcher: Dispatcher,
    /// How many claims in a row may bring nothing.
    pub(crate) idle_claims: u8,
    pub(crate) lock: Lock,
    pub(crate) batches: Batches,
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

/// Whether several events of a guest may be appended as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Batches {
    None,
    Allowed,
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

    fn crash(state: &mut State, worker: usize, crash: Crash) {
        state.left.crashes -= 1;
        if let Worker::Busy(job) = state.workers[worker]
            && let Crash::AppendOnItsWay(load) = crash
        {
            state.left.late_appends -= 1;
            state.late = Some(job.append(load));
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

    /// Lists exactly what is possible: what is not in the list cannot end a rest.
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
            Action::Redeliver { worker, guest } => {
                state.left.redeliveries -= 1;
                Self::deliver(&mut state, worker, guest);
            }
            Action::Read { worker, view } => self.read(&mut state, worker, view),
            Action::Send { worker, load, fate } => self.send(&mut state, worker, load, fate),
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
