//! What is said when nothing more happens by itself: how it went, why, and what to type next.

use std::fmt::Write as _;

use phoenix_domain::{RunId, Safety, Standing};

use super::watched::{Ending, Guest, Watched};
use crate::error::{EXIT_CONFLICT, EXIT_RUN_FAILED};
use crate::words;

/// Returns the exit code of what was followed.
pub(super) fn exit_code(watched: &Watched) -> u8 {
    let endings: Vec<_> = watched.guests().map(|(_, guest)| watched.ending(guest)).collect();
    let is_well = |ending: &Ending| matches!(ending, Ending::Complete | Ending::Otherwise);
    if !endings.iter().all(is_well) {
        return EXIT_RUN_FAILED;
    }
    if endings.contains(&Ending::Otherwise) { EXIT_CONFLICT } else { 0 }
}

/// Returns the summary.
pub(super) fn text(watched: &Watched, run: Option<&RunId>) -> String {
    let mut text = head(watched, run);
    for (key, guest) in watched.guests() {
        let title = words::guest(key, &guest.name);
        match watched.ending(guest) {
            Ending::Complete | Ending::None => {}
            Ending::Otherwise => otherwise(&mut text, &title, guest),
            Ending::Dead { letter } => dead(&mut text, &title, guest, letter),
            Ending::Returned { letter } => returned(&mut text, &title, guest, letter),
            Ending::Question => question(&mut text, &title, guest),
            Ending::Cancelled => {
                section(&mut text, &format!("{title} was cancelled"));
                row(&mut text, "next", &format!("`phoenix retry {}`", key.vmid));
            }
            Ending::Stuck { root } => {
                let name = words::guest(root, watched.name(root));
                section(&mut text, &format!("{title} is blocked by {name}"));
                let is_first =
                    watched.record(key).is_some_and(|one| one.desired.after.contains(&root));
                let next = if is_first {
                    format!(
                        "submit both anew when {} is mended; or `phoenix cancel {}`",
                        root.vmid, key.vmid
                    )
                } else {
                    format!("it goes on by itself when {} is complete", root.vmid)
                };
                row(&mut text, "next", &next);
            }
        }
    }
    text
}

/// Says how it went with what was asked for, and with what that stands on.
fn head(watched: &Watched, run: Option<&RunId>) -> String {
    let run = run.map(|run| format!("run {run}: ")).unwrap_or_default();
    let asked = counts(watched, |guest| guest.is_asked);
    let along = counts(watched, |guest| !guest.is_asked);
    match (asked.as_str(), along.as_str()) {
        (only, "") | ("", only) => format!("{run}{only}\n"),
        (asked, along) => format!("{run}{asked}; brought along: {along}\n"),
    }
}

fn counts(watched: &Watched, is_meant: impl Fn(&Guest) -> bool) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for (_, guest) in watched.guests().filter(|(_, guest)| is_meant(guest)) {
        let word = match watched.ending(guest) {
            Ending::Complete | Ending::Otherwise => words::done(guest.record.desired.goal),
            Ending::Dead { .. } => "given up",
            Ending::Returned { .. } => "gone back",
            Ending::Question => "waiting for a human",
            Ending::Cancelled => "cancelled",
            Ending::Stuck { .. } => "blocked",
            Ending::None => "not done",
        };
        match counts.iter_mut().find(|(one, _)| *one == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    let counts: Vec<_> =
        counts.into_iter().map(|(word, count)| format!("{count} {word}")).collect();
    counts.join(", ")
}

fn otherwise(text: &mut String, title: &str, guest: &Guest) {
    let desired = &guest.record.desired;
    let (by, run) = (words::line(&desired.by), &desired.run);
    section(text, &format!("{title} is complete, but as {by} wanted it in run {run}"));
    row(text, "next", "agree with them, then submit again");
}

fn dead(text: &mut String, title: &str, guest: &Guest, letter: u64) {
    section(text, &format!("{title} was given up"));
    troubles(text, guest);
    row(text, "story", &format!("`phoenix dead show {letter}`"));
    row(text, "next", &words::remedy(&guest.record));
}

fn returned(text: &mut String, title: &str, guest: &Guest, letter: u64) {
    section(text, &format!("{title} was given up, and is again what it was"));
    if let Some(Safety::Returned { why, .. }) = &guest.record.desired.safety {
        row(text, "failed", &words::line(why));
    }
    row(text, "story", &format!("`phoenix dead show {letter}`"));
    row(text, "next", "mend its file, and submit it again");
}

fn question(text: &mut String, title: &str, guest: &Guest) {
    section(text, &format!("{title} waits for a human"));
    if let Standing::Blocked { question, advice } = &guest.record.work.standing {
        row(text, "question", &words::line(question));
        row(text, "advice", &words::line(advice));
    }
    row(text, "next", &words::remedy(&guest.record));
}

/// Writes what went wrong, in rows.
fn troubles(text: &mut String, guest: &Guest) {
    let work = &guest.record.work;
    let Some(failure) = &work.failure else { return };
    if let Some(step) = failure.step {
        row(text, "step", &words::step(&guest.record, step));
    }
    if let Some(change) = &failure.change {
        row(text, "change", &words::line(change));
    }
    row(text, "failed", &words::line(&failure.what));
    row(text, "tried", &words::count(usize::try_from(work.attempts).unwrap_or(0), "time", "times"));
    if let Some(advice) = &failure.advice {
        row(text, "advice", &words::line(advice));
    }
}

fn section(text: &mut String, title: &str) {
    // A String takes everything that is written to it.
    let _written = writeln!(text, "\n{title}");
}

fn row(text: &mut String, key: &str, value: &str) {
    let _written = writeln!(text, "  {key:<8}  {value}");
}
