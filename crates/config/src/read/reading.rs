//! Reading one guest: what is refused is told and left out, and the reading goes on.

use std::str::FromStr;

use phoenix_domain::{Refused, SecretName, SecretRef};

use crate::code::{Code, code};
use crate::finding::Finding;
use crate::place::Place;
use crate::secrets;

pub(crate) static REQUIRED: Code = code!("0007", Error, "a key is missing");
pub(crate) static REFUSED: Code = code!("0008", Error, "a value is not what its place asks for");
pub(crate) static OLD_SPELLING: Code = code!("0010", Note, "an older spelling was translated");
pub(crate) static SECRET_LITERAL: Code =
    code!("0011", Error, "a secret is written out where its name is wanted");
pub(crate) static SECRET_CARRIED: Code =
    code!("0610", Error, "a secret in clear would be carried into a job");

/// The reading of one guest.
pub(crate) struct Reading<'a> {
    at: Place,
    findings: &'a mut Vec<Finding>,
}

impl<'a> Reading<'a> {
    /// Begins to read the guest at a place.
    pub(crate) fn new(at: Place, findings: &'a mut Vec<Finding>) -> Self {
        Self { at, findings }
    }

    /// Returns the place of a key of the guest.
    pub(crate) fn at(&self, key: &'static str) -> Place {
        self.at.clone().key(key)
    }

    /// Returns the place of the guest.
    pub(crate) fn guest(&self) -> Place {
        self.at.clone()
    }

    /// Adds a finding.
    pub(crate) fn tell(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Reads a word of the domain out of a text.
    pub(crate) fn word<T: FromStr<Err = Refused>>(
        &mut self,
        place: Place,
        text: &str,
    ) -> Option<T> {
        let word = text.parse();
        self.taken(place, word)
    }

    /// Reads a word of the domain where there is a text.
    pub(crate) fn maybe<T: FromStr<Err = Refused>>(
        &mut self,
        key: &'static str,
        text: Option<&str>,
    ) -> Option<T> {
        let place = self.at(key);
        text.and_then(|text| self.word(place, text))
    }

    /// Takes the good half of a result and tells the other.
    pub(crate) fn taken<T>(&mut self, place: Place, result: Result<T, Refused>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(refused) => {
                // A value in the wrong place may be a secret that slipped.
                let message = if secrets::inside(&refused.value).is_empty() {
                    refused.to_string()
                } else {
                    format!("this is not {}", refused.wanted)
                };
                let finding = Finding::new(&REFUSED, place, message).help(refused.rule);
                self.tell(finding);
                None
            }
        }
    }

    /// Says that a value is refused for a reason that no word of the domain gives.
    pub(crate) fn refuse(&mut self, place: Place, message: impl Into<String>, rule: &'static str) {
        self.tell(Finding::new(&REFUSED, place, message).help(rule));
    }

    /// Takes a value that must be there, or tells that it is not.
    pub(crate) fn required<T>(
        &mut self,
        place: Place,
        value: Option<T>,
        key: &str,
        help: &'static str,
    ) -> Option<T> {
        if value.is_none() {
            self.tell(Finding::new(&REQUIRED, place, format!("`{key}` is missing")).help(help));
        }
        value
    }

    /// Says that an older spelling was understood, and how it is written now.
    pub(crate) fn translated(&mut self, place: Place, what: &str, now: String) {
        self.tell(Finding::new(&OLD_SPELLING, place, what).help(now));
    }

    /// Reads a reference to a secret. A value in its place is told and never kept.
    pub(crate) fn secret(&mut self, place: Place, text: &str) -> Option<SecretName> {
        if text.is_empty() || text == "NOT_SET" {
            return None;
        }
        if let Ok(name) = text.parse() {
            return Some(name);
        }
        self.tell(
            Finding::new(
                &SECRET_LITERAL,
                place,
                "this holds a secret itself, and the machine would be made without it",
            )
            .help("put it into a secret store and write its name here: `secret://path/of/it`"),
        );
        None
    }

    /// Reads where a secret is kept that a guest is given. A value in its place is refused.
    pub(crate) fn given_secret(
        &mut self,
        place: Place,
        name: &str,
        text: &str,
    ) -> Option<SecretRef> {
        if text.is_empty() || text == "NOT_SET" {
            return None;
        }
        let refused: Refused = match text.parse() {
            Ok(reference) => return Some(reference),
            Err(refused) => refused,
        };
        if secrets::is_harmless(text) {
            let message = format!("`{name}` is given by something that is no reference to it");
            self.refuse(place, message, refused.rule);
            return None;
        }
        let message =
            format!("`{name}` holds a secret in clear, where a reference to it is wanted");
        self.tell(
            Finding::new(&SECRET_CARRIED, place, message).label("the value is not shown").help(
                "put it into a secret store and write its name here (`secret://path/of/it`), then change it: it was in a file",
            ),
        );
        None
    }
}
