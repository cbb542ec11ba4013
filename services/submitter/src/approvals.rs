//! What people are asked before something is done because of a push, as they read it.

use phoenix_bus::{Approval, Decision};
use phoenix_domain::RunId;
use serde_json::{Value, json};

use crate::words;

/// How much of a commit people are shown.
const SHORT: usize = 12;

/// Returns a commit as people call it.
pub(crate) fn short(commit: &str) -> &str {
    commit.get(..SHORT).unwrap_or(commit)
}

/// Says what it waits for, and what to type.
pub(crate) fn waits(run: &RunId) -> String {
    format!("waits for a human: phoenix answer {run} yes")
}

/// Lists what people are asked, one a line, each with what to type.
pub(crate) fn text(asked: &[Approval]) -> String {
    let lines = asked.iter().map(|one| {
        let since = words::time(one.since);
        format!("{} (asked since {since})\n  {}\n", words::line(&one.question), waits(&one.run))
    });
    lines.collect()
}

/// Lists what people are asked, for programs.
pub(crate) fn json(asked: &[Approval]) -> Value {
    let each = asked.iter().map(|one| {
        json!({
            "run": one.run, "commit": one.commit, "question": one.question,
            "since": words::time(one.since),
        })
    });
    each.collect()
}

/// Says who asks for what was approved, where somebody had to.
pub(crate) fn by(who: &str, approval: Option<&Approval>) -> String {
    match approval.and_then(Approval::approved_by) {
        Some(by) => format!("{who}, approved by {}", words::line(by)),
        None => who.to_owned(),
    }
}

/// Says that something is not done, and who did not want it.
pub(crate) fn refused(decision: &Decision) -> String {
    format!("not approved by {}", words::line(&decision.by))
}

/// Says that something else took the place of what waited, before anybody agreed to it.
pub(crate) fn overtaken(commit: &str, by: &str) -> String {
    let (commit, by) = (short(commit), short(by));
    format!("{commit} is older than {by}, which is asked about in its place")
}
