//! How the setup of a host is told: its plan, its checks, and how it ended.

use std::fmt::Write as _;

use phoenix_setup::{Act, Check, Ended, HostChange, Name, Refusal, Seen, Settle, Told, unified};
use serde_json::{Value, json};

/// Writes a line; a String takes everything that is written to it.
macro_rules! line {
    ($text:expr, $($what:tt)*) => {{
        let _written = writeln!($text, $($what)*);
    }};
}

/// Renders a plan for people.
pub(crate) fn plan_text(seen: &[Seen]) -> String {
    let mut text = String::new();
    let mut changes = 0;
    let mut blocked = 0;
    for seen in seen {
        let look = match &seen.look {
            Ok(look) => look,
            Err(err) => {
                blocked += 1;
                line!(text, "{}: {}\n  cannot be done: {err}", seen.name, seen.about);
                if let phoenix_setup::Blocked::Refused(refusal) = err {
                    line!(text, "  hint: {}", refusal.advice);
                }
                continue;
            }
        };
        if seen.is_right() && look.remarks.is_empty() {
            line!(text, "{}: as it is to be", seen.name);
            continue;
        }
        line!(text, "{}: {}", seen.name, seen.about);
        for change in &look.changes {
            changes += 1;
            text.push_str(&change_text(change));
        }
        if let Some(settle) = &seen.unsettled {
            changes += usize::from(look.changes.is_empty() && !settle.runs.is_empty());
            for run in &settle.runs {
                line!(text, "  then: {run}");
            }
        }
        if let Some(why) = &look.reboot {
            line!(text, "  needs a reboot: {why}");
        }
        for remark in &look.remarks {
            line!(text, "  note: {remark}");
        }
        blocked += usize::from(!look.left_out.is_empty());
        text.push_str(&left_text(&look.left_out));
    }
    let plural = |number: usize| if number == 1 { "change" } else { "changes" };
    match (changes, blocked) {
        (0, 0) => line!(text, "\nnothing to do"),
        (changes, 0) => line!(text, "\n{changes} {}", plural(changes)),
        (changes, blocked) => {
            line!(
                text,
                "\n{changes} {}; {blocked} of {} cannot be done",
                plural(changes),
                seen.len()
            );
        }
    }
    text
}

/// Tells what of an item is left as it is.
fn left_text(left_out: &[Refusal]) -> String {
    let mut text = String::new();
    for refusal in left_out {
        line!(text, "  left as it is: {refusal}");
        line!(text, "  hint: {}", refusal.advice);
    }
    text
}

fn change_text(change: &HostChange) -> String {
    let mut text = String::new();
    line!(text, "  {}", change.act);
    line!(text, "    because {}", change.why);
    if let Some(cost) = change.impact.words() {
        line!(text, "    {cost}");
    }
    for detail in &change.detail {
        line!(text, "    {detail}");
    }
    if let Some(diff) = diff(&change.act) {
        for shown in diff.lines() {
            line!(text, "    {shown}");
        }
    }
    for command in commands(&change.act) {
        line!(text, "    {command}");
    }
    text
}

/// Returns what is run around a change.
fn commands(act: &Act) -> Vec<String> {
    let Act::File(file) = act else { return Vec::new() };
    let check = file
        .check
        .as_ref()
        .map(|check| format!("accepted by: {}", check.join(" ").replace("{}", "(the new file)")));
    let guard = file.guard.as_ref().map(|guard| {
        format!(
            "counts by: {}; taken back unless {} answers within {} s",
            guard.apply.join(" "),
            guard.gateway,
            guard.patience.as_secs()
        )
    });
    check.into_iter().chain(guard).collect()
}

fn diff(act: &Act) -> Option<String> {
    match act {
        Act::File(file) if file.was.as_ref() == Some(&file.text) => None,
        Act::File(file) => Some(unified(&file.path, file.was.as_deref(), &file.text)),
        Act::NoFile { path, was } => Some(unified(path, Some(was), "")),
        Act::Folder { .. } | Act::Link { .. } | Act::Kernel { .. } | Act::Run(_) => None,
    }
}

/// Renders a plan for machines.
pub(crate) fn plan_json(seen: &[Seen]) -> Result<String, serde_json::Error> {
    let change = |change: &HostChange| {
        json!({
            "what": change.act.to_string(),
            "why": change.why,
            "detail": change.detail,
            "impact": change.impact.name(),
            "diff": diff(&change.act),
        })
    };
    let then = |settle: &Settle| settle.runs.iter().map(ToString::to_string).collect::<Vec<_>>();
    let items = seen.iter().map(|seen| match &seen.look {
        Ok(look) => json!({
            "item": seen.name.to_string(),
            "about": seen.about,
            "isRight": seen.is_right(),
            "changes": look.changes.iter().map(change).collect::<Vec<_>>(),
            "then": seen.unsettled.as_ref().map(then).unwrap_or_default(),
            "reboot": look.reboot,
            "remarks": look.remarks,
            "leftOut": look.left_out.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }),
        Err(err) => json!({
            "item": seen.name.to_string(), "about": seen.about, "isRight": false, "blocked": err.to_string(),
        }),
    });
    document("SetupPlan", "items", &items.collect::<Vec<_>>())
}

/// Renders checks for people.
pub(crate) fn checks_text(checked: &[(Name, Vec<Check>)]) -> String {
    let mut text = String::new();
    let mut wrong = 0;
    let mut all = 0;
    for (item, checks) in checked {
        for check in checks {
            all += 1;
            match &check.wrong {
                None => line!(text, "ok    {item}: {}", check.what),
                Some(why) => {
                    wrong += 1;
                    line!(text, "WRONG {item}: {}: {why}", check.what);
                }
            }
        }
    }
    match wrong {
        0 => line!(text, "\n{all} checks, nothing wrong"),
        wrong => line!(text, "\n{all} checks, {wrong} wrong"),
    }
    text
}

/// Renders checks for machines.
pub(crate) fn checks_json(checked: &[(Name, Vec<Check>)]) -> Result<String, serde_json::Error> {
    let checks = checked.iter().flat_map(|(item, checks)| {
        checks.iter().map(move |check| {
            json!({ "item": item.to_string(), "what": check.what, "ok": check.wrong.is_none(), "wrong": check.wrong })
        })
    });
    document("SetupChecks", "checks", &checks.collect::<Vec<_>>())
}

/// Returns what is said while something happens.
pub(crate) fn told(item: &Name, told: &Told<'_>) -> Option<String> {
    match told {
        Told::Begins(change) => Some(format!("{item}: {}", change.act)),
        Told::Settles(settle) => {
            let runs: Vec<_> = settle.runs.iter().map(ToString::to_string).collect();
            (!runs.is_empty()).then(|| format!("{item}: {}", runs.join("; ")))
        }
        Told::Made(_) | Told::Ends(_) => None,
    }
}

/// Renders how it ended for people.
pub(crate) fn ended_text(ended: &[(Name, Ended)]) -> String {
    let mut text = String::new();
    for (item, end) in ended {
        match end {
            Ended::Same => line!(text, "{item}: as it is to be"),
            Ended::Changed(1) => line!(text, "{item}: 1 change made"),
            Ended::Changed(changes) => line!(text, "{item}: {changes} changes made"),
            Ended::Partly { changed, left_out } => {
                line!(text, "{item}: NOT ALL DONE: changes made: {changed}");
                text.push_str(&left_text(left_out));
            }
            Ended::Reboot { why, .. } => line!(text, "{item}: AWAITING REBOOT: {why}"),
            Ended::Blocked(err) => {
                line!(text, "{item}: NOT DONE: {err}");
                if let phoenix_setup::Blocked::Refused(refusal) = err {
                    line!(text, "  hint: {}", refusal.advice);
                }
            }
            Ended::Failed(err) => {
                line!(text, "{item}: FAILED: {}", chain(err));
                line!(text, "  hint: {}", err.advice());
            }
        }
    }
    if ended.iter().any(|(_, end)| matches!(end, Ended::Reboot { .. })) {
        line!(text, "\nReboot the host when it suits: setup goes on by itself afterwards.");
    }
    text
}

/// Renders how it ended for machines.
pub(crate) fn ended_json(ended: &[(Name, Ended)]) -> Result<String, serde_json::Error> {
    let items = ended.iter().map(|(item, end)| {
        let (state, changed, why) = match end {
            Ended::Same => ("same", 0, None),
            Ended::Changed(changed) => ("changed", *changed, None),
            Ended::Partly { changed, left_out } => {
                ("partly", *changed, left_out.first().map(ToString::to_string))
            }
            Ended::Reboot { changed, why } => ("awaiting-reboot", *changed, Some(why.clone())),
            Ended::Blocked(err) => ("not-done", 0, Some(err.to_string())),
            Ended::Failed(err) => ("failed", 0, Some(chain(err))),
        };
        json!({ "item": item.to_string(), "state": state, "changed": changed, "why": why })
    });
    document("SetupReport", "items", &items.collect::<Vec<_>>())
}

/// Returns the exit code: something failed before something waits for a reboot.
pub(crate) fn ended_code(ended: &[(Name, Ended)], failed: u8, waits: u8) -> u8 {
    let is_bad =
        |end: &Ended| matches!(end, Ended::Failed(_) | Ended::Blocked(_) | Ended::Partly { .. });
    let is_waiting = ended.iter().any(|(_, end)| matches!(end, Ended::Reboot { .. }));
    // What waits for another that waits is not bad by itself.
    let is_behind = |end: &Ended| {
        matches!(end, Ended::Blocked(phoenix_setup::Blocked::Skipped { needs, .. })
            if ended.iter().any(|(name, end)| name == needs && matches!(end, Ended::Reboot { .. })))
    };
    if ended.iter().any(|(_, end)| is_bad(end) && !is_behind(end)) {
        failed
    } else if is_waiting {
        waits
    } else {
        0
    }
}

fn chain(err: &dyn std::error::Error) -> String {
    let mut text = err.to_string();
    let mut cause = err.source();
    while let Some(err) = cause {
        let said = err.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = err.source();
    }
    text
}

fn document(kind: &str, key: &str, list: &[Value]) -> Result<String, serde_json::Error> {
    let document = json!({ "apiVersion": "phoenix.dev/v1", "kind": kind, key: list });
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}
