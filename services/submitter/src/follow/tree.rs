//! Guests on a terminal: one line each, indented by what they stand on, always up to date.

use std::time::Duration;

use chrono::{DateTime, Utc};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use phoenix_domain::{Event, EventKind, GuestKey, Record, Standing};

use super::watched::{Ending, Guest, Watched};
use crate::{session, words};

/// The tree on the terminal.
pub(super) struct Tree {
    lines: MultiProgress,
    bars: Vec<(GuestKey, ProgressBar)>,
}

impl Tree {
    /// Draws it.
    pub(super) fn new(watched: &Watched) -> Self {
        let lines = MultiProgress::new();
        let bars: Vec<_> = watched
            .guests()
            .map(|(guest, _)| (guest, lines.add(ProgressBar::new_spinner())))
            .collect();
        for (_, bar) in &bars {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        let tree = Self { lines, bars };
        tree.pulse(watched);
        tree
    }

    /// Tells above the tree what should not scroll out of memory with the next step.
    pub(super) fn tell(&self, event: &Event, watched: &Watched) {
        match event.fact.kind() {
            EventKind::StepFailed | EventKind::Failed | EventKind::CancelRequested => {
                self.remark(&words::event(event, watched.name(event.state.guest)));
            }
            EventKind::Requested
            | EventKind::RepairRequested
            | EventKind::Answered
            | EventKind::Claimed
            | EventKind::StepTaken
            | EventKind::RetryWait
            | EventKind::Blocked
            | EventKind::Completed
            | EventKind::RestartBegun
            | EventKind::Drifted
            | EventKind::ReturnBegun
            | EventKind::DeadLettered
            | EventKind::Cancelled => {}
        }
    }

    /// Writes a line above the tree.
    pub(super) fn remark(&self, text: &str) {
        // A terminal that is gone is no reason to stop following.
        drop(self.lines.println(text));
    }

    /// Brings every line up to date.
    pub(super) fn pulse(&self, watched: &Watched) {
        let now = session::now();
        for (line, (_, bar)) in lines(watched, now).into_iter().zip(&self.bars) {
            let template = match line.mark {
                Some(mark) => format!("{mark} {{wide_msg}}"),
                None => "{spinner} {wide_msg}".to_owned(),
            };
            if let Ok(style) = ProgressStyle::with_template(&template) {
                bar.set_style(style);
            }
            bar.set_message(line.text);
        }
    }

    /// Leaves the tree as it is.
    pub(super) fn close(&self, watched: &Watched) {
        self.pulse(watched);
        for (_, bar) in &self.bars {
            bar.abandon();
        }
    }
}

/// One line of the tree.
#[derive(Debug)]
pub(super) struct Line {
    /// What stands in front of it; absent where something moves there.
    pub(super) mark: Option<char>,
    /// The line.
    pub(super) text: String,
}

/// Returns the lines of the tree.
pub(super) fn lines(watched: &Watched, now: DateTime<Utc>) -> Vec<Line> {
    let titles: Vec<_> = watched
        .guests()
        .map(|(key, guest)| {
            format!("{}{}", "  ".repeat(watched.depth(key)), words::guest(key, &guest.name))
        })
        .collect();
    let widest = titles.iter().map(|title| title.chars().count()).max().unwrap_or_default();
    watched
        .guests()
        .zip(titles)
        .map(|((_, guest), title)| {
            let state = state(watched, guest, now);
            Line { mark: mark(watched, guest), text: format!("{title:widest$}  {state}") }
        })
        .collect()
}

fn mark(watched: &Watched, guest: &Guest) -> Option<char> {
    match watched.ending(guest) {
        Ending::Complete | Ending::Otherwise => Some('✓'),
        Ending::Dead { .. } | Ending::Returned { .. } => Some('✗'),
        Ending::Question => Some('?'),
        Ending::Cancelled => Some('–'),
        Ending::Stuck { .. } => Some('!'),
        Ending::None if guest.record.work.standing == Standing::Working => None,
        Ending::None => Some('·'),
    }
}

/// Says how a guest is, on one line.
fn state(watched: &Watched, guest: &Guest, now: DateTime<Utc>) -> String {
    let record = &guest.record;
    let for_so_long = words::span(now - guest.since);
    match &record.work.standing {
        Standing::Working => {
            let step = record.step().map(|step| words::step(record, step));
            let step = step.unwrap_or_else(|| "looking at it".to_owned());
            format!("{step}  {for_so_long}")
        }
        Standing::RetryWait { at } => {
            let of = guest.attempts.map(|of| format!("/{of}")).unwrap_or_default();
            let reason = record.work.failure.as_ref();
            let reason = reason.map(|failure| words::failure(record, failure)).unwrap_or_default();
            let in_span = words::span(*at - now);
            if words::is_waiting(record) {
                return format!("waits, looks again in {in_span}: {reason}");
            }
            format!("retry {}{of} in {in_span}: {reason}", record.work.attempts + 1)
        }
        Standing::Requested => match waits_for(watched, record).as_slice() {
            [] => format!("waits for a worker on {}  {for_so_long}", record.desired.host),
            below => format!("waits for {}", below.join(", ")),
        },
        Standing::BlockedBy { guest, root } => words::blocked_by(*guest, *root),
        Standing::Blocked { question, .. } => {
            format!("waits for a human: {}", words::line(question))
        }
        Standing::Completed => match watched.ending(guest) {
            Ending::Returned { letter } => {
                format!("given up, and again what it was: `phoenix dead show {letter}`")
            }
            Ending::None
            | Ending::Complete
            | Ending::Otherwise
            | Ending::Dead { .. }
            | Ending::Question
            | Ending::Cancelled
            | Ending::Stuck { .. } => words::done(record.desired.goal).to_owned(),
        },
        Standing::Failed => "given up; its dead letter is being written".to_owned(),
        Standing::Dead { letter } => format!("given up: `phoenix dead show {letter}`"),
        Standing::Cancelled => "cancelled".to_owned(),
    }
}

fn waits_for(watched: &Watched, record: &Record) -> Vec<String> {
    let is_open =
        |below: &GuestKey| watched.record(*below).is_some_and(|one| !one.lets(record.desired.goal));
    record.desired.waits_for().filter(is_open).map(|below| below.vmid.to_string()).collect()
}
