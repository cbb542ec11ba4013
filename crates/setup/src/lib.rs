//! The host itself, made as its file says: one item after the other, one change at a time.
//!
//! An [`Item`] looks at the [`Host`] and says what is missing, as [`HostChange`]s: states to be in,
//! never differences. [`Setup`] makes one, looks again, and goes on until nothing is missing. It
//! trusts no record: that is why a first setup, a repair and a resumption after a crash are the same
//! code. What was changed stands in a journal, for people.

mod apply;
pub mod block;
mod change;
mod diff;
mod guard;
mod host;
mod item;
mod items;
mod process;
mod resume;
mod runner;
mod state;
mod write;

pub use apply::ApplyError;
pub use change::{Act, FileChange, Guard, Hidden, HostChange, Impact, Owner, Run, Settle};
pub use diff::unified;
pub use guard::Lost;
pub use host::{Account, Host, Wanted};
pub use item::{Check, Gone, Item, Look, Name, Refusal};
pub use items::{Given, all};
pub use process::Answer;
pub use runner::{Agreed, Blocked, Ended, RunError, Seen, Setup, Told, Witness};
pub use state::{State, StateError, digest};
