//! What the log says of a guest is how the host has it, and how it was written down; others' guests are as they were.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Allowed, Breach};
use crate::fleet::{Fleet, Guest};
use crate::reading::{Reading, text};

/// Returns where a guest is otherwise than it was written down.
pub(super) fn broken(fleet: &Fleet, reading: &Reading, allowed: Allowed) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (vmid, want) in &fleet.0 {
        let name = format!("lxc-{vmid}");
        let stands = reading.stands(&name);
        if stands != "completed" {
            if !allowed.failing {
                breaches.push(Breach::of("I-13", format!("{name} ended {stands}")));
            }
            continue;
        }
        match reading.guests.get(&name) {
            Some(guest) => breaches.extend(
                differing(fleet, want, guest)
                    .into_iter()
                    .map(|what| Breach::of("I-13", format!("{name} is complete, and {what}"))),
            ),
            None => breaches.push(Breach::of("I-13", format!("{name} is complete and not there"))),
        }
    }
    if !allowed.failing && !allowed.other_log && !reading.letters.is_empty() {
        let letters = reading.letters.len();
        breaches.push(Breach::of("I-16", format!("{letters} dead letters of what did not die")));
    }
    breaches
}

/// Returns what somebody else's guests have lost or gained.
pub(super) fn touched(others: &BTreeMap<String, Value>, reading: &Reading) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (name, was) in others {
        if reading.guests.get(name) != Some(was) {
            breaches.push(Breach::of("I-9", format!("{name} is somebody else's, and was changed")));
        }
    }
    breaches
}

/// Says how a guest of the host differs from what is written down.
fn differing(fleet: &Fleet, want: &Guest, guest: &Value) -> Vec<String> {
    let mut differing = Vec::new();
    if text(guest, "/seen/made") != "whole" {
        differing.push("half made".to_owned());
    }
    let properties = guest.pointer("/seen/properties").and_then(Value::as_array);
    let memory = properties.into_iter().flatten().find_map(|one| one.get("memory")?.as_u64());
    if memory != Some(want.memory) {
        differing.push(format!("has {memory:?} MiB instead of {}", want.memory));
    }
    let installed = guest.pointer("/seen/inside/features").and_then(Value::as_array);
    let installed: Vec<_> = installed.into_iter().flatten().filter_map(Value::as_str).collect();
    let parent = want.parent.and_then(|parent| fleet.0.get(&parent));
    let wanted = parent.into_iter().flat_map(|parent| &parent.features).chain(&want.features);
    for feature in wanted.filter(|feature| !installed.contains(feature)) {
        differing.push(format!("has no {feature}"));
    }
    let runs = text(guest, "/seen/run");
    if runs != "running" && !want.is_template {
        differing.push(format!("is {runs}"));
    }
    differing
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_guest_that_lacks_something_is_seen() {
        let fleet = Fleet::small();
        let want = &fleet.0[&910];
        let mut guest = json!({ "seen": {
            "made": "whole", "run": "running", "properties": [{ "memory": 512 }],
            "inside": { "features": ["base_setup", "nginx"] },
        } });
        assert_eq!(differing(&fleet, want, &guest), [""; 0]);

        guest["seen"]["inside"]["features"] = json!(["base_setup"]);
        guest["seen"]["run"] = json!("stopped");
        guest["seen"]["properties"] = json!([]);

        let differs = differing(&fleet, want, &guest);
        assert_eq!(differs, ["has None MiB instead of 512", "has no nginx", "is stopped"]);
    }
}
