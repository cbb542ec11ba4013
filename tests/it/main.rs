//! What is true of the programs as a whole: real binaries, real files, real exit codes.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a broken fixture should stop the test"
)]

mod address;
mod bus;
mod calls;
mod check;
mod cluster;
mod documents;
mod examples;
mod feature;
mod health;
mod logs;
mod nats;
mod program;
mod proxmox;
mod secrets;
mod serve;
mod setup;
mod sim;
mod stored;
mod survive;
mod texts;
mod top;
mod traces;
mod upgrade;
mod verbs;
