//! What to do about an error.

use serde::{Deserialize, Serialize};

/// What to do about an error; every error of ours answers with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It may pass: try again later.
    Retry,
    /// Somebody else holds what it needs: wait for as long as that takes. It costs no attempt.
    Wait,
    /// It will not pass: give the job up and say so.
    GiveUp,
    /// Only a human can tell: block and ask.
    AskHuman,
}
