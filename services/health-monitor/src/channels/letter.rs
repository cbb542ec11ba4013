//! What there is to say of an incident to somebody who was asleep a minute ago: what failed, what was
//! tried, what happens next and when, and what to type.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use phoenix_bus::News;
use phoenix_domain::health::{Ack, Command, Danger, Exhibit, Incident, Root, Severity};
use phoenix_post::{clean, cut};
use serde::Serialize;

/// How many guests a title names.
const NAMED: usize = 3;
/// The longest line about one thing among several, in bytes.
pub(super) const LINE: usize = 140;

/// Why something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Occasion {
    /// Nobody was told of it yet, or it became more urgent.
    First,
    /// There is more to say about it.
    More,
    /// It is over.
    Over,
    /// It came and went while nobody could be told.
    Missed,
    /// Nobody has said that they have seen it.
    Reminder,
    /// There is too much to say for a message each.
    Digest,
    /// Somebody tries the channel.
    Test,
}

/// What there is to say, as templates are given it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Letter {
    /// The first line, which says what failed.
    pub(crate) headline: String,
    /// The same in a few words.
    pub(crate) title: String,
    pub(crate) occasion: Occasion,
    pub(crate) severity: String,
    pub(crate) incident: String,
    pub(crate) text: String,
    pub(crate) cause: String,
    pub(crate) reason: String,
    pub(crate) reason_words: String,
    pub(crate) opened: String,
    pub(crate) updated: String,
    pub(crate) resolved: Option<String>,
    pub(crate) guests: Vec<Guest>,
    /// Whom it is about, and on which host.
    pub(crate) place: String,
    /// What shows it best.
    pub(crate) evidence: Option<String>,
    /// Who has seen it.
    pub(crate) acked: Option<String>,
    pub(crate) tried: Vec<String>,
    pub(crate) next: String,
    pub(crate) commands: Vec<Typed>,
    pub(crate) link: Option<String>,
    pub(crate) cell: String,
    pub(crate) channel: String,
    /// Of a digest: an incident each.
    pub(crate) lines: Vec<String>,
    pub(crate) is_over: bool,
    /// Whether the other side finds the whole of it too long.
    pub(crate) is_short: bool,
}

/// A guest of the incident.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Guest {
    pub(crate) vmid: u32,
    pub(crate) name: String,
    pub(crate) host: String,
}

/// What can be typed.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Typed {
    pub(crate) line: String,
    pub(crate) label: String,
    pub(crate) danger: Danger,
}

/// Who says it, and where more can be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender<'s> {
    pub(crate) cell: &'s str,
    pub(crate) channel: &'s str,
    /// An address with `{incident}` in it.
    pub(crate) link: Option<&'s str>,
    pub(crate) now: DateTime<Utc>,
}

impl Letter {
    /// Says how an incident stands.
    pub(crate) fn of(news: &News, occasion: Occasion, sender: Sender<'_>) -> Self {
        let News { incident, guests, .. } = news;
        let is_over = !incident.is_open();
        let guests = guests
            .iter()
            .map(|one| Guest {
                vmid: one.guest.vmid.into(),
                name: clean(&one.name),
                host: clean(&one.host),
            })
            .collect::<Vec<_>>();
        let id = &incident.id;
        // What is tried is no incident that could be looked at.
        let link = sender.link.filter(|_| occasion != Occasion::Test);
        let link = link.map(|link| link.replace("{incident}", id.as_str()));
        Self {
            headline: headline(incident, occasion, sender.now),
            title: title(incident, occasion, &guests),
            occasion,
            severity: incident.severity.to_string(),
            incident: id.to_string(),
            text: clean(&incident.text),
            cause: incident.root.to_string(),
            reason: incident.reason.to_string(),
            reason_words: incident.reason.words().to_owned(),
            opened: time(incident.opened),
            updated: time(incident.updated),
            resolved: incident.resolved.map(time),
            place: place(incident, &guests),
            guests,
            evidence: evidence(incident),
            acked: incident.acked().map(acked),
            tried: incident.tried.iter().map(|tried| clean(&tried.sentence())).collect(),
            next: clean(&incident.next.sentence()),
            commands: commands(incident),
            link,
            cell: sender.cell.to_owned(),
            channel: sender.channel.to_owned(),
            lines: Vec::new(),
            is_over,
            is_short: false,
        }
    }
}

/// Returns what is typed: of what is over only its story can be asked for.
fn commands(incident: &Incident) -> Vec<Typed> {
    let typed = |command: &Command| Typed {
        line: clean(&command.line),
        label: clean(&command.label),
        danger: command.danger,
    };
    let is_story = |command: &&Command| command.line.starts_with("phoenix explain ");
    let of_now = incident.commands.iter().filter(|one| incident.is_open() || is_story(one));
    of_now.map(typed).collect()
}

/// Says whom an incident is about, and on which host.
fn place(incident: &Incident, guests: &[Guest]) -> String {
    let whom = |guest: &Guest| format!("{} {} on {}", guest.vmid, guest.name, guest.host);
    let named: Vec<_> = guests.iter().take(NAMED).map(whom).collect();
    let more = match guests.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let root = &incident.root;
    match root {
        _ if named.is_empty() => root.to_string(),
        Root::Guest(_) => named.join(", "),
        Root::Monitor | Root::Breaker | Root::Ground(_) => {
            format!("{root}: {}{more}", named.join(", "))
        }
    }
}

/// Returns the reading that shows best what an incident is about, on one line.
fn evidence(incident: &Incident) -> Option<String> {
    let mut shown = incident.evidence.iter().rev();
    let exhibit =
        shown.find(|one| one.found == incident.reason).or_else(|| incident.evidence.last())?;
    let Exhibit { guest, probe, at, evidence, .. } = exhibit;
    let (vmid, at) = (guest.vmid, time(*at));
    let line = format!("{at} {probe} of {vmid}: {} -> {}", evidence.asked, evidence.came);
    Some(cut(&clean(&line), LINE).to_owned())
}

/// Says who has seen an incident.
fn acked(ack: &Ack) -> String {
    let why = ack.why.as_ref().map_or_else(String::new, |why| format!(": {}", clean(why)));
    format!("{} at {}{why}", clean(&ack.by), time(ack.at))
}

fn headline(incident: &Incident, occasion: Occasion, now: DateTime<Utc>) -> String {
    let (id, text) = (&incident.id, clean(&incident.text));
    match occasion {
        Occasion::First | Occasion::More | Occasion::Digest => {
            format!("{} {text} ({id})", mark(incident.severity))
        }
        Occasion::Reminder => {
            let stands = span(now - incident.opened);
            let mark = mark(incident.severity);
            format!(
                "{mark} reminder, it has stood for {stands} and nobody has seen it: {text} ({id})"
            )
        }
        Occasion::Over => format!("[OVER] {text} ({id})"),
        Occasion::Missed => {
            let lasted = span(incident.resolved.unwrap_or(incident.updated) - incident.opened);
            format!("[OVER] {text}; it lasted {lasted}, and nobody could be told ({id})")
        }
        Occasion::Test => format!("[TEST] {text}"),
    }
}

fn title(incident: &Incident, occasion: Occasion, guests: &[Guest]) -> String {
    let name = |guest: &Guest| format!("{} {}", guest.vmid, guest.name);
    let named: Vec<_> = guests.iter().take(NAMED).map(name).collect();
    let whom = match (named.is_empty(), guests.len() > NAMED) {
        (true, _) => incident.root.to_string(),
        (false, false) => named.join(", "),
        (false, true) => format!("{} and {} more", named.join(", "), guests.len() - NAMED),
    };
    match occasion {
        Occasion::First | Occasion::More | Occasion::Digest => {
            format!("{} {whom}: {}", mark(incident.severity), incident.reason)
        }
        Occasion::Reminder => {
            format!("{} reminder, {whom}: {}", mark(incident.severity), incident.reason)
        }
        Occasion::Over | Occasion::Missed => format!("[OVER] {whom}: {}", incident.reason),
        Occasion::Test => "[TEST] Phoenix tries this channel".to_owned(),
    }
}

pub(super) fn mark(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "[INFO]",
        Severity::Notice => "[NOTICE]",
        Severity::Warn => "[WARN]",
        Severity::Page => "[PAGE]",
    }
}

pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn span(span: TimeDelta) -> String {
    match span.num_minutes() {
        ..1 => format!("{} s", span.num_seconds().max(0)),
        minutes @ 1..120 => format!("{minutes} min"),
        minutes => format!("{} h {} min", minutes / 60, minutes % 60),
    }
}
