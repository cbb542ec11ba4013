//! Showing findings: to people, to programs and to code hosts.

mod lines;
mod machine;
mod text;

pub use machine::{as_json, as_sarif};
pub use text::as_text;
pub(crate) use text::text_of;
