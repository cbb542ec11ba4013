//! A model of how guests are worked on, explored to the last state, and the bugs it finds.
//!
//! The log of a guest is the record, the queue only wakes workers up, and the host is the truth. What
//! may go wrong between the three is an action like any other, as often as a scenario allows; so every
//! order of everything that can happen is tried. A mistake planted in the model must be found: a model
//! that never finds anything proves nothing.

#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a mistake in the model should stop the test, and how much was explored is worth knowing"
)]

mod action;
mod breach;
mod bugs;
mod forget;
mod host;
mod log;
mod outbox;
mod possible;
mod properties;
mod protocol;
mod queue;
mod record;
mod scenarios;
mod state;
mod worker;

use std::collections::HashMap;
use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};

use bugs::Bug;
use protocol::{Dispatcher, Protocol};
use state::{Faults, State};

/// Explores a scenario, and wants every promise kept and everything listed reached.
#[track_caller]
fn explore(protocol: Protocol, reached: &[&'static str]) {
    let start = Instant::now();

    let checker = protocol.checker().threads(2).spawn_bfs().join();

    let [states, ways] = [checker.unique_state_count(), checker.state_count()];
    println!("{states} states, {ways} ways to them, {:.1?}", start.elapsed());
    for property in checker.model().properties() {
        if property.expectation.discovery_is_failure() {
            checker.assert_no_discovery(property.name);
        }
    }
    for name in reached {
        checker.assert_any_discovery(name);
    }
}

#[test]
fn a_guest_is_made_once_whatever_breaks() {
    explore(scenarios::crashes(), &scenarios::CRASHES);
}

#[test]
fn requesters_may_change_their_minds_at_any_time() {
    explore(scenarios::requests(), &scenarios::REQUESTS);
}

#[test]
fn a_child_waits_for_its_parent() {
    explore(scenarios::family(), &scenarios::FAMILY);
}

#[test]
fn a_queue_that_loses_nothing_wakes_every_guest_up() {
    explore(scenarios::without_sweep(), &scenarios::WITHOUT_SWEEP);
}

#[test]
fn without_a_lock_the_log_is_still_right() {
    explore(scenarios::without_lock(), &scenarios::WITHOUT_LOCK);
}

/// A worker that goes on behind its acknowledgement has no token: when it dies then, only a sweep
/// finds out that the newer request was not worked on.
#[test]
fn a_crash_behind_an_acknowledgement_needs_the_sweep() {
    let protocol = with(Faults { crashes: 1, ..Faults::default() });

    let checker = protocol.checker().spawn_bfs().join();

    checker.assert_any_discovery(properties::ENDS_WELL);
}

/// What is read behind the acknowledgement is a hint like every read.
#[test]
fn a_stale_read_behind_an_acknowledgement_needs_the_sweep() {
    let protocol = with(Faults { stale_reads: 1, ..Faults::default() });

    let checker = protocol.checker().spawn_bfs().join();

    checker.assert_any_discovery(properties::ENDS_WELL);
}

fn with(faults: Faults) -> Protocol {
    Protocol { faults, ..scenarios::without_sweep() }
}

/// Three of the planted bugs only lose tokens, and are forgiven where somebody sweeps.
#[test]
fn the_sweep_makes_up_for_lost_tokens() {
    for bug in [Bug::AckBeforeCompleted, Bug::FencedAcknowledges, Bug::NoReadAfterAck] {
        let (planted, _) = bug.planted();

        explore(Protocol { dispatcher: Dispatcher::Sweeps, ..planted }, &[]);
    }
}

/// Where all workers share a lock nobody is overtaken behind a claim: only a claim itself can meet
/// another, of a worker that died. So fencing is for guests that move, and for locks that get lost.
#[test]
fn under_one_lock_there_is_nobody_to_fence() {
    explore(Protocol { bug: Some(Bug::FencedGoesOn), ..scenarios::small_crashes() }, &[]);
}

/// Being at rest is only worth looking at if every run comes to it.
#[test]
fn no_run_goes_on_for_ever() {
    comes_to_rest(&scenarios::small_crashes());
    comes_to_rest(&scenarios::small_family());
}

/// Walks every way to its end, and wants none to come back to where it was.
#[track_caller]
fn comes_to_rest(protocol: &Protocol) {
    let first = protocol.init_states().swap_remove(0);
    // For each state whether it is on the way that is being walked.
    let mut met: HashMap<State, bool> = HashMap::from([(first.clone(), true)]);
    let mut way = vec![(first.clone(), protocol.next_states(&first))];

    while let Some((state, next)) = way.last_mut() {
        let Some(next) = next.pop() else {
            met.insert(state.clone(), false);
            way.pop();
            continue;
        };
        let is_on_the_way = met.get(&next).copied();
        assert_ne!(is_on_the_way, Some(true), "a run comes back to {next:#?}");
        if is_on_the_way.is_none() {
            let behind = protocol.next_states(&next);
            met.insert(next.clone(), true);
            way.push((next, behind));
        }
    }

    println!("{} states, none of them twice in a run", met.len());
}

/// Plants a bug, and wants it found by the promise that it breaks, which holds without the bug.
macro_rules! finds {
    ($($test:ident: $bug:ident,)*) => {$(
        #[test]
        fn $test() {
            let (protocol, promise) = Bug::$bug.planted();
            let sound = Protocol { bug: None, ..protocol.clone() };
            sound.checker().spawn_bfs().join().assert_no_discovery(promise);

            let found = HasDiscoveries::AnyOf([promise].into());
            let checker = protocol.checker().finish_when(found).spawn_bfs().join();

            let way = checker.assert_any_discovery(promise).into_actions();
            println!("{} states until not: {promise}\n{way:#?}", checker.unique_state_count());
        }
    )*};
}

finds! {
    finds_appends_that_expect_nothing: NoCompareAndSet,
    finds_that_nobody_locks: NoLock,
    finds_a_lock_that_children_do_not_inherit: LockNotInherited,
    finds_that_the_host_is_not_looked_at: NoLookBeforeActing,
    finds_a_token_acknowledged_too_early: AckBeforeCompleted,
    finds_that_nothing_sweeps: NoSweep,
    finds_a_fenced_worker_that_goes_on: FencedGoesOn,
    finds_a_fenced_worker_that_acknowledges: FencedAcknowledges,
    finds_a_rebase_that_takes_a_request_back: RebaseKeepsDesired,
    finds_that_a_cancellation_is_not_read: CancelNotRead,
    finds_that_a_cancelled_guest_wakes_nobody: CancelledIsNotRunnable,
    finds_that_a_lost_answer_counts_as_a_failure: LostAckMeansFailed,
    finds_that_the_log_is_not_read_again: NoReadAfterAck,
    finds_that_nobody_waits_for_the_parent: ChildBeforeParent,
    finds_that_only_the_dispatcher_waits: OnlyDispatcherWaits,
    finds_appends_numbered_ahead: PipelinedByNumber,
    finds_that_an_append_behind_a_request_is_taken_for_missing: MineByLastWriter,
}
