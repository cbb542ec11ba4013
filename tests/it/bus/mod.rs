//! What an operator types where NATS is asked: real programs, a real server, a played worker.

mod site;
mod submit;
