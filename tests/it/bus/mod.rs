//! What an operator types where NATS is asked: real programs, a real server, a played worker.

mod answer;
mod cancel;
mod dead;
mod explain;
mod many;
mod named;
mod site;
mod status;
mod submit;
mod unreachable;
mod watch;

pub(crate) use self::site::{Site, fleet};
