//! Dead letters, as people read them.

use std::fmt::Write as _;

use phoenix_bus::{DeadLetter, Filed, Line};
use phoenix_domain::{GuestKey, Record, Standing};

use crate::states::States;
use crate::table::{rows, table};
use crate::words;

/// Returns letters, one a line, each with how its guest stands now.
pub(crate) fn list(filed: &[Filed], states: &States) -> String {
    let rows: Vec<_> = filed
        .iter()
        .map(|filed| {
            let [letter, when, guest, tried, why] = row(filed);
            let now = about(filed).and_then(|(guest, _)| states.record(guest));
            let now = now.map_or_else(|| "-".to_owned(), |now| now.work.standing.to_string());
            [letter, when, guest, tried, now, why]
        })
        .collect();
    table(["LETTER", "WHEN", "GUEST", "TRIED", "NOW", "WHY"], &rows)
}

/// Says whether a letter has what was given up of a guest as it is now.
pub(crate) fn is_about(letter: u64, record: &Record) -> bool {
    let is_dead = record.is_settled() && record.work.standing == Standing::Dead { letter };
    is_dead || record.gone_back().is_some_and(|(_, of_return)| of_return == letter)
}

/// Says whether somebody has still to do something about a letter. Once something else was asked of its guest it
/// only tells how it was.
pub(crate) fn is_open(filed: &Filed, states: &States) -> bool {
    let Some((guest, then)) = about(filed) else { return true };
    let Some(now) = states.record(guest) else { return true };
    now.desired.revision <= then.desired.revision || is_about(filed.seq, now)
}

/// Returns which guest a letter is about, and how it stood.
fn about(filed: &Filed) -> Option<(GuestKey, &Record)> {
    let letter = filed.letter.as_ref().ok()?;
    Some((letter.guest?, letter.state.as_ref()?))
}

/// Returns what a line says of a letter: its number, when, which guest, how often it was tried, and why
/// it was given up.
pub(crate) fn row(filed: &Filed) -> [String; 5] {
    match &filed.letter {
        Ok(letter) => {
            let guest = match (letter.guest, &letter.state) {
                (Some(guest), Some(state)) => words::guest(guest, &words::name(state)),
                (Some(guest), None) => guest.to_string(),
                (None, _) => "-".to_owned(),
            };
            let why = letter.failure.as_ref().map_or(&letter.cause, |failure| &failure.what);
            let why = words::shortened(&words::line(why), 70);
            let attempts = letter.attempts.to_string();
            [filed.seq.to_string(), words::time(letter.time), guest, attempts, why]
        }
        Err(cause) => {
            let why = format!("cannot be read: {}", words::line(cause));
            [filed.seq.to_string(), "-".to_owned(), "-".to_owned(), "-".to_owned(), why]
        }
    }
}

/// Returns everything a letter tells, or why it cannot be read.
pub(crate) fn story(filed: &Filed) -> String {
    match &filed.letter {
        Ok(letter) => text(filed.seq, letter),
        Err(cause) => {
            format!("dead letter {} cannot be read: {}\n", filed.seq, words::line(cause))
        }
    }
}

/// Returns everything a letter tells.
fn text(seq: u64, letter: &DeadLetter) -> String {
    let mut text = format!("dead letter {seq}: {}\n", words::line(&letter.cause));
    let mut facts = vec![("when", words::time(letter.time))];
    if let Some(guest) = letter.guest {
        let name = letter.state.as_ref().map(words::name).unwrap_or_default();
        facts.push(("guest", format!("{} ({guest})", words::guest(guest, &name))));
    }
    if let Some(state) = &letter.state {
        let desired = &state.desired;
        facts.push(("host", desired.host.to_string()));
        facts.push(("asked", format!("run {} by {}", desired.run, words::line(&desired.by))));
        facts.push(("digest", desired.digest.short().to_owned()));
        facts.push(("phase", state.work.phase.to_string()));
        facts.push((
            "tried",
            words::count(usize::try_from(letter.attempts).unwrap_or(0), "time", "times"),
        ));
        if let Some(failure) = &letter.failure {
            facts.extend(failure.step.map(|step| ("step", words::step(state, step))));
        }
    }
    if let Some(failure) = &letter.failure {
        facts.push(("failed", words::line(&failure.what)));
        facts.push(("change", failure.change.as_deref().map(words::line).unwrap_or_default()));
        facts.push(("advice", failure.advice.as_deref().map(words::line).unwrap_or_default()));
        let output = failure.output.as_deref().map(words::lines).unwrap_or_default();
        facts.push(("output", output.join("\n")));
    }
    if let Some(original) = &letter.original {
        facts.push(("subject", words::line(&original.subject)));
        facts.push(("length", words::count(original.length, "byte", "bytes")));
    }
    text.push_str(&rows(&facts));
    if !letter.story.is_empty() {
        text.push_str("\nwhat happened before:\n");
        let lines: Vec<_> = letter.story.iter().map(line).collect();
        text.push_str(&lines.concat());
    }
    let discard = format!("`phoenix dead discard {seq}`");
    let next = match &letter.state {
        Some(_) => {
            format!("`phoenix dead replay {seq}` asks for it again, {discard} lets it be")
        }
        None => format!("`-o json` shows the message itself, {discard} throws it away"),
    };
    // A String takes everything that is written to it.
    let _written = writeln!(text, "\nnext: {next}");
    text
}

fn line(line: &Line) -> String {
    let word = |key: &str| line.fact.get(key).map(said).filter(|text| !text.is_empty());
    let words: Vec<_> = [
        "by", "run", "step", "changes", "failure", "attempt", "of", "at", "why", "question",
        "letter",
    ]
    .into_iter()
    .filter_map(|key| Some(format!("{key} {}", word(key)?)))
    .collect();
    let words = words::shortened(&words.join(", "), 120);
    let line = format!("  {}  {:<16}  {words}", words::time(line.time), line.kind.to_string());
    format!("{}\n", line.trim_end())
}

/// Returns a value of a fact as people write it.
fn said(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => words::line(text),
        serde_json::Value::Array(parts) => {
            let parts: Vec<_> = parts.iter().map(said).collect();
            parts.join("; ")
        }
        serde_json::Value::Object(members) => {
            let what = members.get("what").map(said).unwrap_or_default();
            let step = members.get("step").map(said).filter(|step| !step.is_empty());
            step.map_or_else(|| what.clone(), |step| format!("at {step}: {what}"))
        }
        serde_json::Value::Null => String::new(),
        serde_json::Value::Bool(_) | serde_json::Value::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use phoenix_bus::Original;
    use phoenix_domain::{Event, EventKind};

    use super::*;
    use crate::asking::tests::{asked, claimed, dead, failed, stepped, time};

    fn letter() -> DeadLetter {
        let events = [asked(903, "r-0001")];
        let claimed = claimed(&events[0]);
        let stepped = stepped(&claimed);
        let failed = failed(&stepped);
        let line = |nth: u64, event: &Event| Line {
            seq: nth,
            time: event.time,
            kind: event.fact.kind(),
            fact: serde_json::to_value(&event.fact).unwrap(),
        };
        let request = Line {
            seq: 1,
            time: time(),
            kind: EventKind::Requested,
            fact: serde_json::json!({ "revision": 1, "run": "r-0001", "by": "kim@desk" }),
        };
        let state = dead(&failed).state;
        DeadLetter {
            version: 1,
            time: time(),
            guest: Some(state.guest),
            cause: "tried 8 times".to_owned(),
            attempts: 8,
            failure: state.work.failure.clone(),
            state: Some(state),
            story: vec![request, line(2, &claimed), line(3, &stepped), line(4, &failed)],
            original: None,
        }
    }

    fn foreign() -> DeadLetter {
        DeadLetter {
            guest: None,
            cause: "a message that is not ours: it is no CloudEvent".to_owned(),
            attempts: 0,
            failure: None,
            state: None,
            story: Vec::new(),
            original: Some(Original {
                subject: "phoenix.log.main.lxc-900".to_owned(),
                headers: std::collections::BTreeMap::new(),
                body: "bm90IG91cnM=".to_owned(),
                length: 8,
            }),
            ..letter()
        }
    }

    #[test]
    fn a_letter_tells_its_whole_story() {
        insta::assert_snapshot!(text(12, &letter()));
    }

    #[test]
    fn a_message_that_is_not_ours_is_shown_as_one() {
        insta::assert_snapshot!(text(13, &foreign()));
    }

    #[test]
    fn a_list_says_in_a_line_why_each_was_given_up() {
        let filed = [
            Filed { seq: 12, letter: Ok(letter()) },
            Filed { seq: 13, letter: Ok(foreign()) },
            Filed { seq: 14, letter: Err("expected value".to_owned()) },
        ];
        insta::assert_snapshot!(list(&filed, &States::default()));
    }
}
