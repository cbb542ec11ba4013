//! The probes against real servers: stopped, killed, overloaded, and robbed of their data.
//!
//! `cargo xtask test` brings the servers; outside of it, `cargo xtask servers` says where they are.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken fixture should stop the test")]

mod asking;
mod llama;
mod nginx;
mod postgresql;
mod redis;
mod server;
