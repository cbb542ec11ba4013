//! What is sent to others over HTTP: to which addresses, with what lets us in, and what became of it.
//!
//! It follows nobody elsewhere, and goes through nobody: a message and its key are for one address.

pub mod address;
mod post;
mod send;
mod text;

pub use post::{Key, Post};
pub use send::{Client, LIMIT, Outcome, client, send};
pub use text::{clean, cut};
