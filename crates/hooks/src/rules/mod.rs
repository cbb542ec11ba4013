//! Which guests a push is about, and what is to be done with them.

mod matching;
mod pattern;
mod rule;
mod window;

pub use matching::{Matched, NotConfigured, matching};
pub use rule::{Action, RawRule, Rule};
pub use window::{RawWindow, Window};
