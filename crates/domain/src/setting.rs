//! What an operator sets of a feature.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::FeatureName;

/// What is set of the features of a guest; what is not said is what the feature itself says.
pub type Parameters = BTreeMap<FeatureName, BTreeMap<Box<str>, Setting>>;

/// One value that is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// Text.
    Text(Box<str>),
    /// A whole number.
    Number(i64),
    /// A truth value.
    Truth(bool),
    /// A list of texts.
    List(Vec<Box<str>>),
}
