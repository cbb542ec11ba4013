//! How long answers are waited for, and how often what costs a service something is asked.

use std::time::Duration;

/// How long answers are waited for, and how often what costs a service something is asked.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The longest wait for an answer that costs nothing.
    pub answer: Duration,
    /// The longest wait for one token. A busy server takes more than ten seconds for it.
    pub token: Duration,
    /// The time from one token to the next where one costs only itself.
    pub token_every: Duration,
    /// The same for Ollama, which keeps a model loaded for every token.
    pub ollama_token_every: Duration,
    /// How long Ollama may load a model before that token has failed. It gives up by itself after five
    /// minutes without progress, and nobody may hang up before: that would end the load.
    pub ollama_load: Duration,
    /// The time from one look at what is stored to the next.
    pub deep_every: Duration,
    /// The time from one look at what is offered to the next.
    pub inventory_every: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(5),
            token: Duration::from_secs(30),
            token_every: Duration::from_mins(1),
            ollama_token_every: Duration::from_mins(5),
            ollama_load: Duration::from_secs(330),
            deep_every: Duration::from_mins(1),
            inventory_every: Duration::from_mins(5),
        }
    }
}
