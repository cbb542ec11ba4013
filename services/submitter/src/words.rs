//! How things are called where people read them.

use std::fmt::Write as _;
use std::net::IpAddr;

use anstream::adapter::strip_str;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use phoenix_bus::Aloud;
use phoenix_domain::{
    Cause, Completed, Event, Fact, Failure, Fate, Goal, GuestKey, Obstacle, Record, Remedy, Repair,
    RunId, Standing, StepName, Verdict,
};

/// Returns a time as it is written everywhere.
pub(crate) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Returns a span of time, as short as it stays useful. What is not yet is no time at all.
pub(crate) fn span(span: TimeDelta) -> String {
    let seconds = span.num_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// Returns a span of time for a narrow column, as it could be typed: `2h13m`.
pub(crate) fn brief(span: TimeDelta) -> String {
    let seconds = span.num_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d{}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// Returns a span that was measured.
pub(crate) fn took(milliseconds: u64) -> String {
    let (seconds, tenths) = (milliseconds / 1000, milliseconds % 1000 / 100);
    match milliseconds {
        0..1000 => format!("{milliseconds} ms"),
        1000..60_000 => format!("{seconds}.{tenths} s"),
        _ => {
            let seconds = i64::try_from(seconds).ok().and_then(TimeDelta::try_seconds);
            span(seconds.unwrap_or(TimeDelta::MAX))
        }
    }
}

/// Returns a text of somebody else on one line, without what could move the cursor.
pub(crate) fn line(text: &str) -> String {
    let text = strip_str(text).to_string();
    let words: Vec<_> = text
        .split(|char: char| char.is_whitespace() || char.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

/// Returns the lines of a text of somebody else, without what could move the cursor.
pub(crate) fn lines(text: &str) -> Vec<String> {
    let is_shown = |char: &char| *char == '\t' || !char.is_control();
    strip_str(text)
        .to_string()
        .lines()
        .map(|line| line.chars().filter(is_shown).collect())
        .collect()
}

/// Returns the first so many characters of a line, and says where more was there.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Returns the name of a guest, as its spec says.
pub(crate) fn name(record: &Record) -> String {
    record.desired.spec.read().map(|spec| spec.name.to_string()).unwrap_or_default()
}

/// Returns a guest as people call it.
pub(crate) fn guest(guest: GuestKey, name: &str) -> String {
    if name.is_empty() { guest.vmid.to_string() } else { format!("{} {name}", guest.vmid) }
}

/// Returns bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // A String takes everything that is written to it.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

/// Returns `1 guest` or `2 guests`.
pub(crate) fn count(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

/// Returns things in a row: `903, 920 and 955`.
pub(crate) fn list(things: &[String]) -> String {
    match things {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Returns how a guest is once its goal is reached.
pub(crate) fn done(goal: Goal) -> &'static str {
    match goal {
        Goal::Present | Goal::Adopted => "completed",
        Goal::Running => "started",
        Goal::Restarted => "restarted",
        Goal::Repaired { by: Repair::Recreate } => "made again",
        Goal::Repaired { .. } => "repaired",
        Goal::Stopped => "stopped",
        Goal::Absent { .. } => "gone",
    }
}

/// Returns what was asked for, as it follows `asked`.
fn asked(goal: Goal) -> &'static str {
    match goal {
        Goal::Present => "for",
        Goal::Adopted => "to be taken over",
        Goal::Running => "to be started",
        Goal::Stopped => "to be stopped",
        Goal::Restarted => "to be restarted",
        Goal::Repaired { by: Repair::Recreate } => "to be made again",
        Goal::Repaired { .. } => "to be repaired",
        Goal::Absent { volumes: Fate::Kept } => "to be removed",
        Goal::Absent { volumes: Fate::Destroyed } => "to be removed with its volumes",
    }
}

/// Returns addresses as far as a column holds them.
pub(crate) fn addresses(addresses: &[IpAddr]) -> String {
    match addresses {
        [] => String::new(),
        [one] => one.to_string(),
        [first, more @ ..] => format!("{first} +{}", more.len()),
    }
}

/// Returns what a guest drifted by, on one line.
pub(crate) fn drift(changes: &[String]) -> String {
    let changes: Vec<_> = changes.iter().map(|change| line(change)).collect();
    format!("drifted; to mend it: {}", changes.join("; "))
}

/// Returns where a step stands on the way: `3/9 apply_volumes`.
pub(crate) fn step(record: &Record, step: StepName) -> String {
    let way = &record.work.way;
    match way.iter().position(|one| *one == step) {
        Some(nth) => format!("{}/{} {step}", nth + 1, way.len()),
        None => step.to_string(),
    }
}

/// Returns what went wrong, on one line.
pub(crate) fn failure(record: &Record, failure: &Failure) -> String {
    let mut text = String::new();
    if let Some(at) = failure.step {
        // A String takes everything that is written to it.
        let _written = write!(text, "{}: ", step(record, at));
    }
    text.push_str(&line(&failure.what));
    if let Some(change) = &failure.change {
        let _written = write!(text, " (while: {})", line(change));
    }
    text
}

/// Says whether a guest waits for what somebody else holds. That is no attempt that failed.
pub(crate) fn is_waiting(record: &Record) -> bool {
    let is_held = |failure: &Failure| failure.verdict == Verdict::Wait;
    matches!(record.work.standing, Standing::RetryWait { .. })
        && record.work.failure.as_ref().is_some_and(is_held)
}

/// Returns what is typed once a human has mended what is in the way of a guest.
pub(crate) fn remedy(record: &Record) -> String {
    let vmid = record.guest.vmid;
    let Standing::Blocked { .. } = record.work.standing else { return mended(record) };
    let answer = format!("`phoenix answer {vmid} yes` has it go on, `no` cancels it");
    // Who asked for it asks whether to begin: nobody has tried anything yet.
    let is_begun = record.work.failure.is_some() || record.work.idle_claims > 0;
    if is_begun { format!("{}; or {answer}", mended(record)) } else { answer }
}

fn mended(record: &Record) -> String {
    let vmid = record.guest.vmid;
    let remedy = match (&record.work.failure, &record.work.standing) {
        (Some(failure), _) => failure.remedy,
        // Nothing failed: what is wanted cannot be.
        (None, Standing::Blocked { .. }) => Remedy::Submit,
        (None, _) => Remedy::Retry,
    };
    match remedy {
        Remedy::Retry => format!("`phoenix retry {vmid}`"),
        Remedy::Submit => format!("mend its file, then `phoenix submit {vmid}`"),
        Remedy::Adopt => format!("`phoenix adopt {vmid}`, or another number in its file"),
    }
}

/// Returns why a guest was asked for.
pub(crate) fn cause(cause: &Cause) -> String {
    match cause {
        Cause::Submitted => "submitted".to_owned(),
        Cause::StoodOnBy(above) => format!("{above} stands on it"),
        Cause::Retried => "another attempt".to_owned(),
        Cause::UpstreamsChanged => "where it leads to has changed".to_owned(),
        Cause::Repair { reason, .. } => format!("repair: {}", line(reason)),
    }
}

/// Returns how to follow a run.
pub(crate) fn follow(run: &RunId) -> String {
    format!("`phoenix follow {run}`")
}

/// Returns an event on one line: when, which guest, and what happened.
pub(crate) fn event(event: &Event, name: &str) -> String {
    let guest = guest(event.state.guest, name);
    format!("{}  {guest}  {}", time(event.time), happened(event))
}

/// Returns what was said inside of a guest, line by line.
pub(crate) fn said(said: &Aloud, name: &str) -> Vec<String> {
    let who = guest(said.guest, name);
    said.lines.iter().flat_map(|text| lines(text)).map(|line| format!("  {who} | {line}")).collect()
}

/// Says what happened.
pub(crate) fn happened(event: &Event) -> String {
    let state = &event.state;
    match &event.fact {
        Fact::Requested(_) | Fact::RepairRequested(_) => {
            let desired = &state.desired;
            let (cause, by) = (cause(&desired.cause), line(&desired.by));
            let asked = asked(desired.goal);
            format!("asked {asked} by {by} ({cause}; run {})", desired.run)
        }
        Fact::CancelRequested(asked) => format!("{} asks to stop", line(&asked.by)),
        Fact::Answered(answered) => {
            let (by, asked) = (line(&answered.by), line(&answered.question));
            let (says, then) =
                if answered.yes { ("yes", "it goes on") } else { ("no", "cancelled") };
            format!("{by} answers {says} to: {asked}; {then}")
        }
        Fact::Claimed(claimed) => {
            let steps = count(claimed.way.len(), "step", "steps");
            format!("taken by {}, {steps} to go", claimed.claim.worker)
        }
        Fact::StepTaken(taken) => {
            let changes: Vec<_> = taken.changes.iter().map(|change| line(change)).collect();
            let changes = match changes.as_slice() {
                [] if taken.step == StepName::HoldHealth => "it stayed healthy".to_owned(),
                [] => "already as wanted".to_owned(),
                [..] => changes.join("; "),
            };
            format!("{}: {changes} ({})", step(state, taken.step), took(taken.took_ms))
        }
        Fact::StepFailed(failed) => {
            let advice = failed.failure.advice.as_deref().map(line).unwrap_or_default();
            let advice = if advice.is_empty() { advice } else { format!("; {advice}") };
            let what = failure(state, &failed.failure);
            match failed.failure.verdict {
                Verdict::Wait => format!("waits at {what}{advice}"),
                Verdict::Retry | Verdict::GiveUp | Verdict::AskHuman => {
                    format!("failed at {what}{advice}")
                }
            }
        }
        Fact::RetryWait(wait) => {
            let in_span = span(wait.at - event.time);
            if is_waiting(state) {
                return format!("looks again in {in_span}; waiting costs no attempt");
            }
            format!("tried again in {in_span}, attempt {} of {}", wait.attempt, wait.of)
        }
        Fact::Blocked(blocked) => match &blocked.obstacle {
            Obstacle::Guest { guest, root } => blocked_by(*guest, *root),
            Obstacle::Question { question, advice } => {
                format!("waits for a human: {} ({})", line(question), line(advice))
            }
        },
        Fact::Completed(completed) => {
            done_with(state.desired.goal, completed, &format!(" ({})", took(completed.took_ms)))
        }
        Fact::RestartBegun(_) => match state.desired.goal {
            Goal::Repaired { by: Repair::Recreate } => "about to be set aside and made again",
            Goal::Present
            | Goal::Adopted
            | Goal::Running
            | Goal::Stopped
            | Goal::Restarted
            | Goal::Repaired { .. }
            | Goal::Absent { .. } => "about to be started anew",
        }
        .to_owned(),
        Fact::Drifted(drifted) => {
            let at = drifted.addresses.as_deref().and_then(|addresses| addresses.first());
            match (drifted.changes.as_slice(), at) {
                ([], Some(at)) => format!("is at {at} now"),
                ([], None) => "as wanted again".to_owned(),
                (changes, Some(at)) => format!("is at {at} now; {}", drift(changes)),
                (changes, None) => drift(changes),
            }
        }
        Fact::Failed(failed) => format!("given up: {}", line(&failed.why)),
        Fact::ReturnBegun(begun) => format!(
            "goes back to what it was: {}; `phoenix dead show {}`",
            line(&begun.why),
            begun.letter
        ),
        Fact::DeadLettered(dead) => {
            format!("filed as dead letter {0}: `phoenix dead show {0}`", dead.letter)
        }
        Fact::Cancelled(cancelled) => match cancelled.before {
            Some(before) => format!("stopped before {}", step(state, before)),
            None => "stopped".to_owned(),
        },
    }
}

/// Says what came of an attempt, where something else says how long it took.
pub(crate) fn result(event: &Event) -> String {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "nothing else that ends an attempt says how long it took"
    )]
    match &event.fact {
        Fact::Completed(completed) => done_with(event.state.desired.goal, completed, ""),
        _ => happened(event),
    }
}

fn done_with(goal: Goal, completed: &Completed, took: &str) -> String {
    let changes = match completed.changes {
        0 => "already as wanted".to_owned(),
        changes => count(usize::try_from(changes).unwrap_or(0), "change", "changes"),
    };
    let at = match completed.addresses.as_slice() {
        [] => String::new(),
        [first, ..] => format!(", at {first}"),
    };
    let aside = completed.set_aside.map(|there| format!("; the old one is {there}"));
    format!("{}, {changes}{took}{at}{}", done(goal), aside.unwrap_or_default())
}

/// Says what a guest waits for.
pub(crate) fn blocked_by(guest: GuestKey, root: GuestKey) -> String {
    if guest == root {
        format!("blocked by {}", root.vmid)
    } else {
        format!("blocked by {}, because of {}", guest.vmid, root.vmid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_short_and_never_negative() {
        for (seconds, text) in
            [(-5, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (7260, "2 h 1 min"), (90_000, "1 d 1 h")]
        {
            assert_eq!(span(TimeDelta::seconds(seconds)), text);
        }
        for (seconds, text) in [(59, "59s"), (90, "1m30s"), (7980, "2h13m"), (90_000, "1d1h")] {
            assert_eq!(brief(TimeDelta::seconds(seconds)), text);
        }
        for (milliseconds, text) in [(12, "12 ms"), (1250, "1.2 s"), (61_000, "1 min 1 s")] {
            assert_eq!(took(milliseconds), text);
        }
        assert!(took(u64::MAX).ends_with(" h"), "a number from the log breaks nothing");
    }

    #[test]
    fn what_a_tool_printed_cannot_move_the_cursor() {
        assert_eq!(line("a\u{1b}[2Jb\n c\u{7}\r\n"), "ab c");
        assert_eq!(lines("one\u{1b}[31m\n\ttwo\u{7}"), ["one", "\ttwo"]);
        assert_eq!(shortened("a long story", 7), "a long…");
    }
}
