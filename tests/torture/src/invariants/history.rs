//! The log is whole, in order, and told by whoever held the guest.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Allowed, Breach};
use crate::reading::{Reading, events, text};

/// What only a worker tells that has claimed the guest.
const HOLDERS: [&str; 9] = [
    "step-taken",
    "step-failed",
    "retry-wait",
    "completed",
    "failed",
    "cancelled",
    "dead-lettered",
    "restart-begun",
    "return-begun",
];
/// What a claim ends with.
const ENDS: [&str; 3] = ["completed", "cancelled", "dead-lettered"];

/// Returns which promises about the log are broken.
pub(super) fn broken(reading: &Reading, allowed: Allowed) -> Vec<Breach> {
    if allowed.other_log {
        // What is not ours may lie there, and what was there may be gone.
        return Vec::new();
    }
    let mut breaches = Vec::new();
    let deleted = reading.stream.pointer("/state/num_deleted").and_then(Value::as_u64);
    if let Some(deleted) = deleted.filter(|deleted| *deleted > 0) {
        breaches.push(Breach::of("I-17", format!("{deleted} messages of the log are gone")));
    }
    for message in &reading.log {
        if events(&message.body).is_empty() {
            let what = format!("{} of {} is no event", message.seq, message.subject);
            breaches.push(Breach::of("I-17", what));
        }
    }
    breaches.extend(told(&reading.events()));
    breaches
}

/// Goes through all events, and compares who tells each with who may.
fn told(events: &[(u64, Value)]) -> Vec<Breach> {
    let (mut ids, mut holders) = (BTreeSet::new(), BTreeMap::new());
    let (mut revisions, mut changes) = (BTreeMap::new(), BTreeMap::<&str, usize>::new());
    let mut breaches = Vec::new();
    for (seq, event) in events {
        let (guest, who) = (text(event, "/subject"), text(event, "/source"));
        let kind = text(event, "/type").split('.').nth(3).unwrap_or_default();
        if !ids.insert(text(event, "/id")) {
            breaches.push(Breach::of("I-17", format!("{guest}: {kind} at {seq} was told before")));
        }
        if let Some(revision) =
            event.pointer("/data/state/desired/revision").and_then(Value::as_u64)
        {
            let last: u64 = revisions.insert(guest, revision).unwrap_or(0);
            if revision < last {
                let what = format!("{guest}: revision {revision} at {seq}, after {last}");
                breaches.push(Breach::of("I-17", what));
            }
        }
        if kind == "claimed" {
            holders.insert(guest, who);
            changes.insert(guest, 0);
        } else if HOLDERS.contains(&kind) {
            if holders.get(guest) != Some(&who) {
                let what = format!("{guest}: {kind} at {seq} is told by who does not hold it");
                breaches.push(Breach::of("I-8", what));
            }
            if ENDS.contains(&kind) {
                holders.remove(guest);
            }
            let fact = |name: &str| event.pointer(&format!("/data/fact/{name}"));
            let told = changes.entry(guest).or_default();
            *told += fact("changes").and_then(Value::as_array).map_or(0, Vec::len);
            let made = fact("changes").and_then(Value::as_u64).filter(|_| kind == "completed");
            if let Some(made) = made.filter(|made| usize::try_from(*made) != Ok(*told)) {
                let what = format!("{guest}: {made} changes at {seq}, and {told} were told");
                breaches.push(Breach::of("I-17", what));
            }
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(id: &str, kind: &str, who: &str) -> (u64, Value) {
        let kind = format!("dev.phoenix.guest.{kind}.v1");
        (1, json!({ "id": id, "type": kind, "subject": "lxc-900", "source": who }))
    }

    fn promises(events: &[(u64, Value)]) -> Vec<&'static str> {
        told(events).iter().map(|breach| breach.promise).collect()
    }

    #[test]
    fn whoever_was_overtaken_and_tells_something_is_seen() {
        let good = [event("1", "claimed", "a"), event("2", "step-taken", "a")];
        let overtaken = [event("3", "claimed", "b"), event("4", "completed", "a")];

        assert_eq!(promises(&good), [""; 0]);
        assert_eq!(promises(&[good, overtaken].concat()), ["I-8"]);
    }

    #[test]
    fn a_step_that_was_never_told_is_seen() {
        let mut events = [
            event("1", "claimed", "a"),
            event("2", "step-taken", "a"),
            event("3", "completed", "a"),
        ];
        events[1].1["data"] = json!({ "fact": { "changes": ["started it"] } });
        events[2].1["data"] = json!({ "fact": { "changes": 1 } });
        assert_eq!(promises(&events), [""; 0]);

        let [claimed, _, completed] = events;

        assert_eq!(promises(&[claimed, completed]), ["I-17"]);
    }

    #[test]
    fn an_event_that_is_told_twice_is_seen() {
        let twice = [event("1", "requested", "kim"), event("1", "requested", "kim")];

        assert_eq!(promises(&twice), ["I-17"]);
    }
}
