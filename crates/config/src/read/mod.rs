//! From what is written to the words of the domain.

mod container;
mod given;
mod host;
mod machine;
mod model_server;
mod parts;
mod probes;
mod reading;
mod webhooks;

pub(crate) use container::container;
pub(crate) use host::{host, is_zone};
pub(crate) use machine::{Defaults, machine};
pub(crate) use probes::{MISFIT, NAMED_TWICE, UNDECLARED};
pub(crate) use reading::{
    OLD_SPELLING, REFUSED, REQUIRED, Reading, SECRET_CARRIED, SECRET_LITERAL,
};
pub(crate) use webhooks::webhooks;
