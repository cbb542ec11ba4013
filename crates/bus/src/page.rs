//! What each role may do, for people: the part of `docs/nats.md` that follows from the table.

use std::fmt::Write as _;

use phoenix_domain::NodeName;

use crate::act::Act;
use crate::names::Cell;
use crate::role::Role;
use crate::subjects::Subjects;

/// Returns what each role may do in a cell, and which subjects that takes.
pub fn roles_page(cell: &Cell, host: &NodeName) -> String {
    let roles = [
        Role::Watcher,
        Role::Submitter,
        Role::Serve,
        Role::Monitor,
        Role::Worker(host.clone()),
        Role::Admin,
    ];
    let kinds: Vec<_> = roles.iter().map(Role::kind).collect();
    let mut text =
        format!("| may | {} |\n|---|{}\n", kinds.join(" | "), "---|".repeat(roles.len()));
    for act in Act::ALL {
        let marks = roles.iter().map(|role| if role.acts().contains(&act) { "yes" } else { "" });
        let marks: Vec<_> = marks.collect();
        // Writing to a text cannot fail.
        let _written = writeln!(text, "| {} | {} |", act.words(), marks.join(" | "));
    }
    text.push_str("\n| to | it publishes | it subscribes to |\n|---|---|---|\n");
    for act in Act::ALL {
        let Subjects { publish, subscribe } = act.subjects(cell, Some(host));
        let (publish, subscribe) = (listed(&publish), listed(&subscribe));
        let _written = writeln!(text, "| {} | {publish} | {subscribe} |", act.words());
    }
    text
}

fn listed(subjects: &[String]) -> String {
    // What there is of each GPU is shown of the first one.
    let shown = subjects.iter().filter(|subject| {
        let number = subject.split_once("_gpu").map_or("0", |(_, rest)| rest);
        number.starts_with('0')
    });
    shown.map(|subject| format!("`{subject}`")).collect::<Vec<_>>().join("<br>")
}
