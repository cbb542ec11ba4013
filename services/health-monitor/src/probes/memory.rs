//! What is remembered of an endpoint from one question to the next.

use std::time::Duration;

use phoenix_domain::health::{Found, Progress};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// What is remembered of an endpoint from one question to the next. A new one knows nothing, which
/// costs a connection and the questions that are otherwise asked seldom.
#[derive(Debug, Default)]
pub struct Memory {
    /// The connection that was kept.
    pub(super) line: Option<TcpStream>,
    /// What is known of those that are asked more than one thing.
    notes: Option<Box<Notes>>,
}

impl Memory {
    /// Returns both at once: notes are taken while there is talk.
    pub(super) fn parts(&mut self) -> (&mut Option<TcpStream>, &mut Notes) {
        (&mut self.line, self.notes.get_or_insert_default())
    }

    /// Forgets what may have changed while nobody was heard.
    pub(super) fn was_silent(&mut self) {
        if let Some(notes) = &mut self.notes {
            notes.inventory.forget();
            notes.deep.forget();
            notes.last = None;
        }
    }
}

/// What is known of a service that is asked more than one thing.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// What it was last seen to do.
    pub(super) last: Option<Progress>,
    /// The model that is asked for a token.
    pub(super) model: Option<Box<str>>,
    /// What it offers.
    pub(super) inventory: Seldom,
    /// What it stores.
    pub(super) deep: Seldom,
    /// One token.
    pub(super) token: Seldom,
    /// Whether its models make no tokens in this way; then none is asked for.
    pub(super) is_tokenless: bool,
    /// Whether it counts at all.
    pub(super) counts: Counts,
    /// Ollama's: until when the model stays, as it was last said.
    pub(super) expires: Option<Box<str>>,
    /// Ollama's: the token that is still to come.
    pub(super) pending: Option<Box<Pending>>,
}

impl Notes {
    /// Takes note of how far its work has come. Where that went backwards, another process counts, of
    /// which nothing is known yet.
    pub(super) fn count(&mut self, progress: Option<Progress>) {
        let last = std::mem::replace(&mut self.last, progress);
        if last.zip(progress).is_some_and(|(last, now)| now.done < last.done) {
            self.inventory.forget();
            self.token.forget();
        }
    }
}

/// Whether a service counts what it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Counts {
    #[default]
    Unknown,
    Yes,
    No,
}

/// A question whose answer nobody may hang up on.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) line: TcpStream,
    pub(super) since: Instant,
    /// What came of the answer.
    pub(super) heard: Vec<u8>,
}

/// What is asked seldom while it is well, and every time while it is not: so that a fault is counted by
/// what was really asked, and its end is seen at once.
#[derive(Debug, Default)]
pub(super) struct Seldom {
    asked: Option<Instant>,
    not_well: Option<Found>,
}

impl Seldom {
    /// Says whether it is time to ask.
    pub(super) fn is_due(&self, every: Duration) -> bool {
        self.not_well.is_some() || self.asked.is_none_or(|asked| asked.elapsed() >= every)
    }

    /// Says whether what was found last was not well.
    pub(super) fn is_not_well(&self) -> bool {
        self.not_well.is_some()
    }

    /// Takes note that it was asked, and is well.
    pub(super) fn is_well(&mut self) {
        *self = Self { asked: Some(Instant::now()), not_well: None };
    }

    /// Takes note that it was asked, and returns what was found.
    pub(super) fn found(&mut self, found: Found) -> Found {
        *self = Self { asked: Some(Instant::now()), not_well: Some(found.clone()) };
        found
    }

    /// Makes it due.
    pub(super) fn forget(&mut self) {
        self.asked = None;
    }
}
