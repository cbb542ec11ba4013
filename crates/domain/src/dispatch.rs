//! When a guest is to be woken: a rule over the states of all guests, and nothing else.

use chrono::{DateTime, Utc};

use crate::{GuestKey, Record, Standing};

/// What is to be done about a guest that nobody works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Nothing: it has arrived, somebody is at it, or it waits for what is still on its way.
    None,
    /// A worker should take it now.
    Wake,
    /// A worker should take it then.
    WakeAt(DateTime<Utc>),
    /// It should be told that it waits for a guest that failed.
    BlockBy {
        /// The one it stands on.
        guest: GuestKey,
        /// The one where the trouble began.
        root: GuestKey,
    },
}

/// Says what is to be done about a guest, given those it waits for: those it stands on, or, where
/// it is to go, those that stand on it.
pub fn next_move<'r>(
    record: &Record,
    below: impl Fn(GuestKey) -> Option<&'r Record>,
    now: DateTime<Utc>,
) -> Move {
    let at = match record.work.standing {
        _ if record.is_settled() => return Move::None,
        Standing::Working => return Move::None,
        Standing::Failed => return Move::Wake,
        Standing::RetryWait { at } => at,
        Standing::Requested
        | Standing::BlockedBy { .. }
        | Standing::Blocked { .. }
        | Standing::Completed
        | Standing::Dead { .. }
        | Standing::Cancelled => now,
    };
    let mut is_ready = true;
    for guest in record.desired.waits_for() {
        let Some(foundation) = below(guest) else {
            is_ready = false;
            continue;
        };
        let is_done = foundation.lets(record.desired.goal)
            && !foundation.has_gone_back(&record.desired.run)
            && record.desired.is_tried_by(foundation);
        if let Some(root) = trouble(foundation, is_done) {
            let told = Standing::BlockedBy { guest, root };
            let is_told = record.work.standing == told;
            return if is_told { Move::None } else { Move::BlockBy { guest, root } };
        }
        is_ready &= is_done;
    }
    match (is_ready, at > now) {
        (false, _) => Move::None,
        (true, true) => Move::WakeAt(at),
        (true, false) => Move::Wake,
    }
}

/// Returns the guest where the trouble began, if this one will not be done by itself.
fn trouble(record: &Record, is_done: bool) -> Option<GuestKey> {
    match record.work.standing {
        _ if record.work.revision != record.desired.revision => None,
        Standing::Blocked { .. }
        | Standing::Failed
        | Standing::Dead { .. }
        | Standing::Cancelled => Some(record.guest),
        Standing::BlockedBy { root, .. } => Some(root),
        Standing::Requested | Standing::Working | Standing::RetryWait { .. } => None,
        // It went back to what it was, was removed, or only started or stopped before it was whole; or it was to go, and
        // somebody wants it after all.
        Standing::Completed => (!is_done).then_some(record.guest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::tests::bare;
    use crate::{Cause, Class, Desired, Goal, Phase, SpecDigest, SpecText, Work};

    fn record(guest: &str, on: &[&str], standing: Standing) -> Record {
        let spec = bare(950, None, &[]);
        Record {
            guest: guest.parse().unwrap(),
            desired: Desired {
                revision: 1,
                run: "r-0199".parse().unwrap(),
                host: "pve1".parse().unwrap(),
                class: Class::Std,
                cause: Cause::Submitted,
                digest: SpecDigest::of(&spec),
                stands_on: on.iter().map(|below| below.parse().unwrap()).collect(),
                by: "ops".to_owned(),
                cancelled: false,
                trusts_log: false,
                goal: Goal::Present,
                safety: None,
                after: Vec::new(),
                tried: std::collections::BTreeMap::new(),
                spec: SpecText::of(&spec).unwrap(),
            },
            work: Work { standing, phase: Phase::Completed, ..Work::none(1) },
        }
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    /// Decides about `child`, which stands on `parent`.
    fn decide(child: Standing, parent: Option<Standing>) -> Move {
        let parent = parent.map(|standing| record("lxc-900", &[], standing));
        let child = record("lxc-950", &["lxc-900"], child);
        next_move(&child, |key| parent.as_ref().filter(|parent| parent.guest == key), at(100))
    }

    #[test]
    fn a_guest_is_woken_when_what_it_stands_on_is_complete_and_not_before() {
        assert_eq!(decide(Standing::Requested, Some(Standing::Completed)), Move::Wake);
        for unfinished in [None, Some(Standing::Requested), Some(Standing::Working)] {
            assert_eq!(decide(Standing::Requested, unfinished), Move::None);
        }
    }

    #[test]
    fn a_retry_waits_for_its_time() {
        let wait = |second| Standing::RetryWait { at: at(second) };
        assert_eq!(decide(wait(101), Some(Standing::Completed)), Move::WakeAt(at(101)));
        assert_eq!(decide(wait(99), Some(Standing::Completed)), Move::Wake);
    }

    #[test]
    fn trouble_below_is_told_once_by_its_root_and_forgotten_when_it_is_over() {
        let (on, root) = ("lxc-900".parse().unwrap(), "lxc-901".parse().unwrap());
        let dead = Standing::Dead { letter: 7 };
        let blocked = Move::BlockBy { guest: on, root: on };
        assert_eq!(decide(Standing::Requested, Some(dead.clone())), blocked);
        let below = Standing::BlockedBy { guest: root, root };
        assert_eq!(
            decide(Standing::Requested, Some(below)),
            Move::BlockBy { guest: on, root },
            "the root is where it began, not where it was met"
        );
        let told = Standing::BlockedBy { guest: on, root: on };
        assert_eq!(decide(told.clone(), Some(dead)), Move::None);
        assert_eq!(decide(told, Some(Standing::Completed)), Move::Wake);
    }

    /// Decides about a guest that is to become `below`, while the one above it has become `above`.
    fn decide_downwards(below: Goal, above: Goal, standing: Standing) -> Move {
        let mut upper = record("lxc-950", &[], standing);
        upper.desired.goal = above;
        let mut lower = record("lxc-900", &["lxc-950"], Standing::Requested);
        lower.desired.goal = below;
        next_move(&lower, |key| Some(&upper).filter(|upper| upper.guest == key), at(100))
    }

    #[test]
    fn what_is_to_go_waits_until_those_above_it_are_out_of_the_way() {
        let gone = Goal::Absent { volumes: crate::Fate::Kept };
        let above: GuestKey = "lxc-950".parse().unwrap();
        let blocked = Move::BlockBy { guest: above, root: above };
        for goal in [gone, Goal::Stopped] {
            assert_eq!(decide_downwards(goal, goal, Standing::Working), Move::None);
            assert_eq!(decide_downwards(goal, goal, Standing::Completed), Move::Wake);
            assert_eq!(decide_downwards(goal, goal, Standing::Dead { letter: 7 }), blocked);
            assert_eq!(decide_downwards(goal, Goal::Present, Standing::Completed), blocked);
        }
        assert_eq!(decide_downwards(Goal::Stopped, gone, Standing::Completed), Move::Wake);
        assert_eq!(
            decide_downwards(gone, Goal::Stopped, Standing::Completed),
            blocked,
            "it stands still, and is there"
        );
    }

    #[test]
    fn a_guest_that_is_tried_first_lets_others_go_only_as_what_was_tried() {
        let first = record("lxc-951", &[], Standing::Completed);
        let mut other = record("lxc-950", &[], Standing::Requested);
        other.desired.after = vec![first.guest];
        other.desired.tried.insert(first.guest, first.desired.digest.clone());
        let decide = |first: &Record, other: &Record| {
            next_move(other, |key| Some(first).filter(|first| first.guest == key), at(100))
        };
        assert_eq!(decide(&first, &other), Move::Wake);

        // It was given up, and somebody had it made again as it was before.
        let mut as_before = first.clone();
        as_before.desired.digest = SpecDigest::none();
        as_before.desired.run = "r-0200".parse().unwrap();
        let blocked = Move::BlockBy { guest: first.guest, root: first.guest };
        assert_eq!(decide(&as_before, &other), blocked);
    }

    #[test]
    fn what_was_stopped_can_be_stood_on_and_what_was_removed_cannot() {
        let goals = [Goal::Stopped, Goal::Running, Goal::Restarted, Goal::Adopted];
        for goal in goals {
            assert_eq!(decide_downwards(Goal::Present, goal, Standing::Completed), Move::Wake);
        }
        let gone = Goal::Absent { volumes: crate::Fate::Kept };
        let blocked = decide_downwards(Goal::Present, gone, Standing::Completed);
        assert!(matches!(blocked, Move::BlockBy { .. }), "{blocked:?}");
    }

    #[test]
    fn what_has_arrived_or_is_in_somebodys_hands_is_left_alone() {
        let asks = Standing::Blocked { question: String::new(), advice: String::new() };
        for settled in [Standing::Completed, Standing::Cancelled, Standing::Working, asks] {
            assert_eq!(decide(settled, Some(Standing::Completed)), Move::None);
        }
        assert_eq!(decide(Standing::Failed, Some(Standing::Completed)), Move::Wake);
    }
}
