//! What is wrong with something as it is written.

use phoenix_domain::Refused;
use thiserror::Error;

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{field}`: {what}; {rule}")]
pub struct WrongField {
    /// Which field, as the way to it: `rules[0].window.days[1]`.
    pub field: String,
    /// What is wrong with it.
    pub what: String,
    /// What would be right.
    pub rule: &'static str,
}

impl WrongField {
    pub(crate) fn new(field: &str, what: &str, rule: &'static str) -> Self {
        Self { field: field.to_owned(), what: what.to_owned(), rule }
    }

    pub(crate) fn of(field: &str, refused: &Refused) -> Self {
        Self::new(field, &refused.to_string(), refused.rule)
    }

    /// Returns it as a field of another one.
    pub(crate) fn within(self, field: &str) -> Self {
        Self { field: format!("{field}.{}", self.field), ..self }
    }
}

/// Returns what was read, or notes what is wrong.
pub(crate) fn note<T>(
    wrong: &mut Vec<WrongField>,
    field: &str,
    read: Result<T, Refused>,
) -> Option<T> {
    read.map_err(|refused| wrong.push(WrongField::of(field, &refused))).ok()
}
