//! What was found, before it is shown to anybody.

use std::borrow::Cow;
use std::sync::Mutex;

use crate::code::{Code, Level};
use crate::place::{File, Place, Segment};

/// One thing that was found in the files.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What kind of finding.
    pub code: &'static Code,
    /// Where.
    pub place: Place,
    /// What is the matter, as a sentence fragment that names guest and value.
    pub message: String,
    /// What the marked text is, behind the caret.
    pub label: Option<Cow<'static, str>>,
    /// Other places that belong to it, each with what is there.
    pub also: Vec<(Place, String)>,
    /// What to do.
    pub help: Vec<String>,
}

impl Finding {
    /// Starts a finding.
    pub(crate) fn new(code: &'static Code, place: Place, message: impl Into<String>) -> Self {
        Self {
            code,
            place,
            message: message.into(),
            label: None,
            also: Vec::new(),
            help: Vec::new(),
        }
    }

    /// Says what the marked text is.
    pub(crate) fn label(mut self, label: impl Into<Cow<'static, str>>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Points at another place that belongs to it.
    pub(crate) fn also(mut self, place: Place, what: impl Into<String>) -> Self {
        self.also.push((place, what.into()));
        self
    }

    /// Says what to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Returns how bad it is.
    pub fn level(&self) -> Level {
        self.code.level
    }

    /// Says whether it is about the host itself, and not about its guests.
    pub fn is_about_host(&self) -> bool {
        /// Keys of the host's file that are about guests all the same.
        const OF_GUESTS: [&str; 3] = ["shared_volumes", "core_paths", "webhooks"];
        let is_of_guests = match self.place.path.first() {
            Some(Segment::Key(key)) => OF_GUESTS.contains(&key.as_ref()),
            Some(Segment::Index(_)) | None => false,
        };
        self.place.file == File::Hypervisor && !is_of_guests
    }
}

/// Collects findings; rules that run side by side share one.
#[derive(Debug, Default)]
pub(crate) struct Findings(Mutex<Vec<Finding>>);

impl Findings {
    /// Adds a finding.
    pub(crate) fn add(&self, finding: Finding) {
        self.extend([finding]);
    }

    /// Adds several.
    pub(crate) fn extend(&self, findings: impl IntoIterator<Item = Finding>) {
        // A rule that panicked has poisoned nothing: what was added before it is whole.
        let mut all = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.extend(findings);
    }

    /// Returns where something of a kind was found before.
    pub(crate) fn places(&self, code: &Code) -> Vec<Place> {
        let all = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.iter()
            .filter(|finding| finding.code == code)
            .map(|finding| finding.place.clone())
            .collect()
    }

    /// Returns what was collected.
    pub(crate) fn into_vec(self) -> Vec<Finding> {
        self.0.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
