//! Effects are those of one execution, of one hand at a guest, and none destroys what nobody asked to destroy.

use serde_json::Value;

use super::{Allowed, Breach};
use crate::reading::text;

/// What takes a guest away, or makes it another one: what was done before may be done again.
const ANEW: [&str; 6] =
    ["remove-half-made", "destroy", "set-aside", "roll-back", "create", "remove-snapshot"];
/// What destroys what somebody may want to keep.
const DESTROYS: [&str; 3] = ["destroy", "set-aside", "roll-back"];
/// What may come only once, whoever else is at the guest.
const ONCE: [&str; 4] = ["create", "install-feature", "take-snapshot", "attach"];
/// What may come only once where nobody else is at the guest, and what undoes it.
const RUNS: [&str; 4] = ["start", "stop", "restart", "clean-for-template"];

/// Returns which promises about effects are broken.
pub(super) fn broken(ledger: &[Value], allowed: Allowed) -> Vec<Breach> {
    let mut breaches = overlapping(ledger);
    let done: Vec<&Value> = ledger.iter().filter(|line| text(line, "/mark") == "done").collect();
    for (nth, line) in done.iter().enumerate() {
        let (guest, kind) = (text(line, "/guest"), text(line, "/kind"));
        if DESTROYS.contains(&kind) && !allowed.destroying {
            breaches.push(Breach::of("I-3", format!("{guest}: {kind}, which nobody asked for")));
        }
        let before = done.iter().take(nth).rev().filter(|old| text(old, "/guest") == guest);
        let mut since = before.take_while(|old| old.get("change") != line.get("change"));
        let is_again = done
            .iter()
            .take(nth)
            .any(|old| text(old, "/guest") == guest && old.get("change") == line.get("change"));
        let undone: &[&str] = match kind {
            _ if ONCE.contains(&kind) && !allowed.meddling => &ANEW,
            "start" if !allowed.meddling => &RUNS,
            _ => continue,
        };
        if is_again && !since.any(|old| undone.contains(&text(old, "/kind")) || is_anew(old)) {
            breaches.push(Breach::of("I-5", format!("{guest}: {kind} twice")));
        }
    }
    breaches
}

fn is_anew(line: &Value) -> bool {
    ANEW.contains(&text(line, "/kind"))
}

/// Finds changes that went on while another one of the same guest was begun.
fn overlapping(ledger: &[Value]) -> Vec<Breach> {
    let of = |line: &Value| (text(line, "/guest").to_owned(), line.get("pid").cloned());
    let mut breaches = Vec::new();
    for (nth, begun) in ledger.iter().enumerate() {
        if text(begun, "/mark") != "begun" {
            continue;
        }
        let rest = ledger.iter().skip(nth + 1);
        let Some(ends) =
            rest.clone().position(|line| of(line) == of(begun) && text(line, "/mark") != "begun")
        else {
            // It was cut off; what it held went with it.
            continue;
        };
        let guest = text(begun, "/guest");
        for other in rest.take(ends).filter(|line| text(line, "/guest") == guest) {
            if text(other, "/mark") == "begun" {
                let kinds = (text(begun, "/kind"), text(other, "/kind"));
                breaches
                    .push(Breach::of("I-8", format!("{guest}: {} during {}", kinds.1, kinds.0)));
            }
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(mark: &str, kind: &str, pid: u32) -> Value {
        json!({ "guest": "lxc-900", "mark": mark, "kind": kind, "change": { kind: 1 }, "pid": pid })
    }

    fn promises(ledger: &[Value]) -> Vec<&'static str> {
        broken(ledger, Allowed::default()).iter().map(|breach| breach.promise).collect()
    }

    #[test]
    fn what_is_made_twice_is_seen_and_what_was_undone_between_is_not() {
        let once = ["create", "install-feature"].map(|kind| line("done", kind, 1));
        let again = line("done", "install-feature", 2);
        let anew = ["destroy", "create"].map(|kind| line("done", kind, 3));

        assert_eq!(promises(&once), [""; 0]);
        assert_eq!(promises(&[&once[..], std::slice::from_ref(&again)].concat()), ["I-5"]);
        assert_eq!(promises(&[&once[..], &anew, &[again]].concat()), ["I-3"]);
    }

    #[test]
    fn two_at_one_guest_are_seen_and_one_that_was_cut_off_is_none() {
        let begun = line("begun", "create", 1);
        let other = [line("begun", "start", 2), line("done", "start", 2)];

        assert_eq!(promises(&[std::slice::from_ref(&begun), &other].concat()), [""; 0]);
        let ends = [line("done", "create", 1)];
        assert_eq!(promises(&[&[begun], &other[..], &ends].concat()), ["I-8"]);
    }
}
