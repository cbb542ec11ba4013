//! What a worker survives: real processes, a real server, a simulated host, and real signals.

mod boundaries;
mod site;
