//! The cases. Each is told by what a look says, never by how the host does it.

mod everywhere;
mod inside;

pub(crate) use everywhere::*;
pub(crate) use inside::*;
