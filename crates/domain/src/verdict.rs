//! What to do about an error.

/// What to do about an error; every error of ours answers with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may pass: try again later.
    Retry,
    /// It will not pass: give the job up and say so.
    GiveUp,
    /// Only a human can tell: block and ask.
    AskHuman,
}
