//! What of a guest fails, with what the probe of it came upon.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use phoenix_bus::Seen;
use phoenix_domain::health::{Condition, Evidence, Reason};
use serde::Serialize;

use crate::words;

/// A probe that does not find a guest well.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Failing {
    /// Its name.
    pub(crate) probe: String,
    /// What it finds.
    pub(crate) found: Condition,
    /// Since when.
    pub(crate) since: DateTime<Utc>,
    /// What it came upon last.
    pub(crate) evidence: Option<Evidence>,
}

impl Failing {
    /// Returns all of a guest. One that nobody has asked yet finds nothing.
    pub(crate) fn of(seen: &Seen) -> Vec<Self> {
        let ill = seen.probes.iter().filter(|(_, found, _)| {
            !found.is_well() && *found != Condition::Unknown(Reason::Unjudged)
        });
        ill.map(|(probe, found, since)| Self {
            probe: probe.name.to_string(),
            found: *found,
            since: *since,
            evidence: seen.evidence.get(&probe.name).cloned(),
        })
        .collect()
    }

    /// Says what came, and what the other side said last.
    pub(crate) fn came(&self) -> String {
        let Some(evidence) = &self.evidence else { return "nothing came yet".to_owned() };
        let said = evidence.excerpt.lines().rfind(|line| !line.trim().is_empty());
        let said = said.map(|said| format!("; it said: {}", words::line(said)));
        let (came, asked) = (words::line(&evidence.came), words::line(&evidence.asked));
        format!("{came} ({asked}){}", said.unwrap_or_default())
    }
}

/// Says what of a guest fails, and what comes next where no incident says that.
pub(super) fn text(seen: &Seen) -> String {
    let mut text = String::new();
    for failing in Failing::of(seen) {
        let guest = words::guest(seen.guest, &words::line(&seen.name));
        let (probe, found) = (&failing.probe, failing.found);
        // A String takes everything that is written to it.
        let _written = write!(text, "\n{guest}: {probe} is {found}: {}\n", failing.came());
    }
    if let Some(next) = seen.next.as_ref().filter(|_| !text.is_empty()) {
        // A String takes everything that is written to it.
        let _written = writeln!(text, "  next: {}", words::line(&next.sentence()));
    }
    text
}
