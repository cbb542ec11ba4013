//! The cases. Each is told by what a look says, never by how the host does it.

mod again;
mod back;
mod everywhere;
mod inside;

pub(crate) use again::*;
pub(crate) use back::*;
pub(crate) use everywhere::*;
pub(crate) use inside::*;
