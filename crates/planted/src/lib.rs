//! Bugs on purpose, one at a time: whoever says that a program keeps its promises has to find each of them.
//!
//! No program that ships has this crate. It is built in by the feature `planted` alone, which is nobody's default,
//! and `cargo xtask lint law` fails where that changes.

use std::sync::OnceLock;

/// Says whether a program has this bug now: the one that its environment names.
pub fn is(bug: &str) -> bool {
    static BUG: OnceLock<Option<String>> = OnceLock::new();
    #[expect(clippy::disallowed_methods, reason = "no program that ships has this line")]
    let planted = BUG.get_or_init(|| std::env::var("PHOENIX_PLANTED").ok());
    planted.as_deref() == Some(bug)
}
