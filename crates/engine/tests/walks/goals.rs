//! Guests that are to be started, stopped, started anew, taken over or removed.

use phoenix_domain::{Begun, BootId, Fate, Goal, GuestSpec, Owner, Run};
use phoenix_engine::Outcome;
use phoenix_hypervisor::simulated::{Mark, admin};
use phoenix_testkit::{guest, machine};

use crate::host::{Host, changes, host, walk_the};

/// A container with a volume and a machine.
fn both() -> [GuestSpec; 2] {
    [guest(950).volume("data", "/data", 8).build(), machine(8001).build()]
}

impl Host {
    /// Walks to a goal, and returns what was made on the way.
    async fn reach(&self, want: &GuestSpec, goal: Goal, before: Option<&BootId>) -> Vec<String> {
        let known = Begun::foretold(before.cloned());
        let begun = self.ledger().len();
        let outcome = walk_the(&goal.way(want, Some(&known)), &self.simulated, want).await;
        let _changes = changes(&outcome);
        let made = self.ledger().into_iter().skip(begun);
        let made = made.filter(|entry| entry.mark == Mark::Done && !entry.change.is_wait());
        made.map(|entry| entry.kind).collect()
    }

    async fn boot(&self, want: &GuestSpec) -> Option<BootId> {
        self.look(want).await.guest.unwrap().boot
    }
}

const KEPT: Goal = Goal::Absent { volumes: Fate::Kept };

#[tokio::test]
async fn a_goal_that_is_reached_takes_nothing_more() {
    for want in both() {
        let host = host();
        host.arrive(&want).await;
        let none = [""; 0];

        assert_eq!(host.reach(&want, Goal::Running, None).await, none);
        assert_eq!(host.reach(&want, Goal::Stopped, None).await, ["stop"]);
        assert_eq!(host.reach(&want, Goal::Stopped, None).await, none);
        assert_eq!(host.look(&want).await.guest.unwrap().run, Run::Stopped);
        assert_eq!(host.reach(&want, Goal::Running, None).await, ["start"]);
        let before = host.boot(&want).await;
        assert_eq!(host.reach(&want, Goal::Restarted, before.as_ref()).await, ["restart"]);
        assert_eq!(host.reach(&want, Goal::Restarted, before.as_ref()).await, none);
        assert_eq!(host.reach(&want, KEPT, None).await, ["stop", "destroy"]);
        assert_eq!(host.reach(&want, KEPT, None).await, none);
    }
}

#[tokio::test]
async fn what_stands_still_is_started_once_when_it_is_to_be_started_anew() {
    for want in both() {
        let host = host();
        host.arrive(&want).await;
        host.reach(&want, Goal::Stopped, None).await;

        assert_eq!(host.reach(&want, Goal::Restarted, None).await, ["start"]);
        assert_eq!(host.reach(&want, Goal::Restarted, None).await, [""; 0], "it was made already");
    }
}

#[tokio::test]
async fn what_is_there_for_being_cloned_is_as_wanted_without_running() {
    for want in [guest(900).seal("ready").build(), machine(8000).template().build()] {
        let host = host();
        host.arrive(&want).await;

        assert_eq!(host.reach(&want, Goal::Running, None).await, [""; 0]);
    }
}

#[tokio::test]
async fn where_no_guest_is_a_human_is_asked_instead_of_waiting_for_one() {
    for want in both() {
        let host = host();
        for goal in [Goal::Running, Goal::Stopped, Goal::Restarted, Goal::Adopted] {
            let outcome = walk_the(&goal.way(&want, None), &host.simulated, &want).await;

            let said = match outcome {
                Outcome::Stuck { err, .. } => err.to_string(),
                outcome @ (Outcome::Arrived { .. } | Outcome::Halted { .. }) => {
                    format!("{outcome:?}")
                }
            };
            assert_eq!(said, "there is no such guest on the host", "{goal}");
        }
    }
}

#[tokio::test]
async fn what_somebody_else_made_is_taken_over_and_is_ours_then() {
    for want in both() {
        let host = host();
        host.arrive(&want).await;
        let key = phoenix_domain::GuestKey::from(&want);
        admin::give(host.dir.path(), key, Owner::Somebody).unwrap();

        assert_eq!(host.reach(&want, Goal::Adopted, None).await, ["adopt"]);
        assert_eq!(host.reach(&want, Goal::Adopted, None).await, [""; 0]);
        assert_eq!(host.arrive(&want).await, 0);
    }
}
