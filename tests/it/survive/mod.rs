//! What a worker survives: real processes, a real server, a simulated host, and real signals.

mod again;
mod backup;
mod boundaries;
mod cancelled;
mod deaths;
mod dependencies;
mod foreign;
mod frozen;
mod full;
mod gateway;
mod load;
mod recover;
mod repairs;
mod safely;
mod server;
pub(crate) mod site;
mod wiped;
