//! Asks services how they are, each kind in its own words.
//!
//! A probe finds out and decides nothing: one [`Reading`](phoenix_domain::health::Reading) a question,
//! judged elsewhere with those before it.

mod asker;
mod clock;
mod counters;
mod excerpt;
mod http;
mod http1;
mod llamacpp;
mod memory;
mod nginx;
mod ollama;
mod openai;
mod pace;
mod postgresql;
mod qdrant;
mod redis;
mod talk;
mod tcp;
mod vllm;
mod way;
mod wire;

pub use asker::Asker;
pub use clock::Clock;
pub use memory::Memory;
pub use pace::Pace;
pub use way::Way;
