//! Why a value is not the word it was meant to be.

use thiserror::Error;

/// A value that is not what its place asks for; the newtypes answer with it.
///
/// It carries the value as written, so it must never be made from a secret.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{value}` is not {wanted}")]
pub struct Refused {
    /// The value as it was written.
    pub value: String,
    /// What was wanted, with its article: "a guest id".
    pub wanted: &'static str,
    /// What a valid value looks like, as a sentence fragment.
    pub rule: &'static str,
}

impl Refused {
    /// Says that `value` is not `wanted`, and what would be.
    pub fn new(value: impl Into<String>, wanted: &'static str, rule: &'static str) -> Self {
        Self { value: value.into(), wanted, rule }
    }
}
