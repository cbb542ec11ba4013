//! How guests are, and what of them waits for a worker.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use phoenix_domain::{Move, NodeName, Record, Standing, next_move};

use super::names;
use super::told::seconds;
use super::write::{Writer, number};
use crate::serve::view::View;
use crate::states::States;
use crate::status;

/// What waits on a host, and is worked on there.
#[derive(Default)]
struct Queue {
    pending: usize,
    at_work: usize,
    oldest: TimeDelta,
}

pub(super) fn write(view: &View, now: DateTime<Utc>, to: &mut Writer<'_>) -> fmt::Result {
    let states = &view.site.states;
    let counts = counts(states).into_iter();
    let counts =
        counts.map(|((host, state), count)| ([host.to_string(), state.to_owned()], number(count)));
    to.gauges(&names::GUESTS, counts)?;
    let each = states.records().flat_map(|record| {
        status::STATES.into_iter().map(move |state| {
            let [vmid, host, kind] = whose(record);
            let is_so = usize::from(state == status::state(record));
            ([vmid, host, kind, state.to_owned()], number(is_so))
        })
    });
    to.gauges(&names::GUEST_STATE, each)?;
    // Nothing is known of one that is on its way.
    let whole = states.records().filter(|record| record.lasting().is_some());
    let drift = whole.map(|record| (whose(record), number(record.work.drift.len())));
    to.gauges(&names::GUEST_DRIFT, drift)?;

    let queues = queues(view, now);
    let each = |of: fn(&Queue) -> f64| {
        queues.iter().map(move |(host, queue)| ([host.to_string()], of(queue)))
    };
    to.gauges(&names::QUEUE_PENDING, each(|queue| number(queue.pending)))?;
    to.gauges(&names::QUEUE_ACK_PENDING, each(|queue| number(queue.at_work)))?;
    to.gauges(&names::OLDEST_COMMAND, each(|queue| seconds(queue.oldest)))
}

fn whose(record: &Record) -> [String; 3] {
    let guest = record.guest;
    [guest.vmid.to_string(), record.desired.host.to_string(), guest.kind.to_string()]
}

fn counts(states: &States) -> BTreeMap<(&NodeName, &'static str), usize> {
    let mut counts = BTreeMap::new();
    for record in states.records() {
        let of = (&record.desired.host, status::state(record));
        *counts.entry(of).or_default() += 1;
    }
    counts
}

/// Returns what waits on each host that is known.
fn queues(view: &View, now: DateTime<Utc>) -> BTreeMap<&NodeName, Queue> {
    let states = &view.site.states;
    let hosts = view.site.hosts.iter().map(|report| &report.host);
    let mut queues: BTreeMap<&NodeName, Queue> =
        hosts.map(|host| (host, Queue::default())).collect();
    for record in states.records() {
        let queue = queues.entry(&record.desired.host).or_default();
        if record.work.standing == Standing::Working {
            queue.at_work += 1;
        } else if next_move(record, |below| states.record(below), now) == Move::Wake {
            queue.pending += 1;
            queue.oldest = queue.oldest.max(now - waits_since(states, record));
        }
    }
    queues
}

/// Returns since when a guest could be taken.
fn waits_since(states: &States, record: &Record) -> DateTime<Utc> {
    let at = match record.work.standing {
        Standing::RetryWait { at } => at,
        Standing::Requested
        | Standing::Working
        | Standing::BlockedBy { .. }
        | Standing::Blocked { .. }
        | Standing::Completed
        | Standing::Failed
        | Standing::Dead { .. }
        | Standing::Cancelled => states.since(record.guest),
    };
    let below = record.desired.waits_for().map(|guest| states.since(guest));
    below.fold(at, DateTime::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asking::tests::{self, asked, completed, report};

    #[test]
    fn what_waits_for_a_guest_that_is_not_done_is_not_what_a_worker_leaves_undone() {
        let now = tests::time() + TimeDelta::minutes(7);
        let mut view = View::default();
        view.site.hosts = vec![report("pve2", now)];

        view.begin(States::of([asked(900, "r-0001"), asked(901, "r-0001")]));

        let of = |view: &View, host: &str| {
            let host: NodeName = host.parse().unwrap();
            let queue = queues(view, now).remove(&host).unwrap();
            (queue.pending, queue.oldest.num_minutes())
        };
        assert_eq!((of(&view, "pve1"), of(&view, "pve2")), ((1, 7), (0, 0)));
        view.begin(States::of([completed(&asked(900, "r-0001")), asked(901, "r-0001")]));
        assert_eq!(of(&view, "pve1"), (1, 7), "it is 901 that waits now");
    }

    #[test]
    fn every_state_that_a_guest_of_the_site_is_in_is_one_of_the_set() {
        let states = States::of(tests::site());
        for record in states.records() {
            assert!(status::STATES.contains(&status::state(record)), "{}", status::state(record));
        }
    }
}
