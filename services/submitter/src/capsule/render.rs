//! A capsule as people and tickets get it.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use phoenix_domain::Verdict;

use super::attempts::Attempt;
use super::changed::Changed;
use super::similar::Similar;
use super::{Capsule, Failed, line};
use crate::commands::health::Failing;
use crate::table::rows;
use crate::words;

/// How many things of a kind are shown.
const MOST: usize = 8;
/// How many of the last lines are shown that a command printed.
const PRINTED: usize = 20;

impl Capsule {
    /// Returns it as a text.
    pub(crate) fn text(&self) -> String {
        if self.is_well {
            return self.three_lines();
        }
        let mut text = format!("{}\n", self.title());
        for (title, body) in self.sections() {
            // A String takes everything that is written to it.
            let _written = write!(text, "\n{title}:\n{body}");
        }
        text
    }

    /// Returns it as one block of Markdown.
    pub(crate) fn markdown(&self) -> String {
        if self.is_well {
            return self.three_lines();
        }
        let mut text = format!("### {}\n", self.title());
        for (title, body) in self.sections() {
            let fence = "`".repeat(3.max(longest_run(&body, '`') + 1));
            // A String takes everything that is written to it.
            let _written = write!(text, "\n**{title}**\n\n{fence}text\n{body}{fence}\n");
        }
        text
    }

    fn who(&self) -> String {
        words::guest(self.guest, &self.name)
    }

    fn title(&self) -> String {
        let (since, lasts) = (words::time(self.since), words::span(self.now - self.since));
        let Self { state, host, .. } = self;
        format!("{} on {host}: {state}, not well since {since} ({lasts})", self.who())
    }

    fn three_lines(&self) -> String {
        let Self { state, host, revision, run, vmid, .. } = self;
        let lasts = words::span(self.now - self.since);
        let next = if self.next.is_empty() { "nothing is to be done" } else { &self.next };
        format!(
            "{} on {host}: {state} for {lasts}\n\
             nothing is wrong with it: revision {revision}, as {} wanted it in run {run}\n\
             next: {next}; `phoenix history {vmid}` tells what happened to it\n",
            self.who(),
            self.by,
        )
    }

    /// Says which probe finds what, since when, and what it came upon.
    fn failing(&self, failing: &Failing) -> String {
        let lasts = words::span(self.now - failing.since);
        let (since, came) = (words::time(failing.since), line(&failing.came()));
        format!("  {} is {} since {since} ({lasts}): {came}\n", failing.probe, failing.found)
    }

    fn sections(&self) -> Vec<(&'static str, String)> {
        let of_incidents = || self.incidents.iter().map(|one| one.next.clone()).next();
        let next = Some(self.next.clone()).filter(|next| !next.is_empty());
        let next = next.or_else(|| self.prospect.clone()).or_else(of_incidents);
        let next = next.unwrap_or_else(|| "nothing happens by itself".to_owned());
        let asked = format!("revision {} by {} in run {}", self.revision, self.by, self.run);
        let incidents = self.incidents.iter().map(|one| {
            format!("  {}  {}  {}\n    next: {}\n", one.id, one.severity, one.text, one.next)
        });
        let all = [
            ("what failed", self.failed.as_ref().map(failed).unwrap_or_default()),
            (
                "what does not serve",
                self.failing.iter().map(|one| self.failing(one)).chain(incidents).collect(),
            ),
            ("what is otherwise than wanted", listed(&self.drift, Clone::clone)),
            ("what was tried", listed(&self.tried, attempt)),
            ("what changed since it was good", self.changed.text()),
            ("failures like it in the last 30 days", listed(&self.similar, similar)),
            (
                "what happens next",
                rows(&[
                    ("next", next),
                    ("type", self.command.clone().unwrap_or_default()),
                    ("asked", asked),
                ]),
            ),
        ];
        all.into_iter().filter(|(_, body)| !body.is_empty()).collect()
    }
}

impl Changed {
    fn text(&self) -> String {
        let Some(good) = self.good else {
            return "  it never was complete, as far as is known\n".to_owned();
        };
        let wanted = self
            .wanted
            .iter()
            .map(|one| format!("{}: {} -> {}", one.property, one.was, one.is))
            .collect::<Vec<_>>();
        let or_nothing = |lines: &[String]| {
            if lines.is_empty() { "nothing".to_owned() } else { shortened(lines).join("\n") }
        };
        rows(&[
            ("good", words::time(good)),
            ("wanted", or_nothing(&wanted)),
            ("back", self.back.map(back).unwrap_or_default()),
            ("done", or_nothing(&self.done)),
            ("packages", shortened(&self.packages).join("\n")),
            ("host", self.host.join("\n")),
        ])
    }
}

fn back(at: DateTime<Utc>) -> String {
    format!("at {}: it is wanted again as it was", words::time(at))
}

fn failed(failed: &Failed) -> String {
    let skipped = failed.printed.len().saturating_sub(PRINTED);
    let printed = failed.printed.get(skipped..).unwrap_or_default().join("\n");
    rows(&[
        ("when", words::time(failed.at)),
        ("step", failed.step.clone().unwrap_or_default()),
        ("class", class(failed.class).to_owned()),
        ("change", failed.change.clone().unwrap_or_default()),
        ("failed", failed.what.clone()),
        ("advice", failed.advice.clone().unwrap_or_default()),
        ("printed", printed),
    ])
}

/// Says what becomes of failures of a class.
fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Retry => "may pass by itself",
        Verdict::Wait => "somebody else holds what it needs; waiting costs no attempt",
        Verdict::GiveUp => "does not pass, so it is given up",
        Verdict::AskHuman => "only a human can tell",
    }
}

fn attempt(attempt: &Attempt) -> String {
    let took = attempt.took_ms.map(|took| format!(" ({})", words::took(took)));
    format!("{}  {}{}", words::time(attempt.began), attempt.result, took.unwrap_or_default())
}

fn similar(similar: &Similar) -> String {
    let Similar { guest, name, times, last, ended } = similar;
    let times = words::count(*times, "time", "times");
    let guest = words::guest(*guest, name);
    let ended = ended.as_deref().unwrap_or("it is not over");
    format!("{guest}: {times}, last at {}; {ended}", words::time(*last))
}

/// Returns the last things of a list, one a line.
fn listed<T>(things: &[T], shown: impl Fn(&T) -> String) -> String {
    let lines: Vec<_> = things.iter().map(shown).collect();
    let mut text = String::new();
    for line in shortened(&lines) {
        // A String takes everything that is written to it.
        let _written = writeln!(text, "  {line}");
    }
    text
}

/// Returns as many lines as are shown, the last ones, and says how many more there are.
fn shortened(lines: &[String]) -> Vec<String> {
    let more = lines.len().saturating_sub(MOST);
    let told = (more > 0).then(|| format!("({more} more before)"));
    told.into_iter().chain(lines.iter().skip(more).cloned()).collect()
}

fn longest_run(text: &str, of: char) -> usize {
    text.split(|char| char != of).map(str::len).max().unwrap_or_default()
}
