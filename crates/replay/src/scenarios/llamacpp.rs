//! The server of llama.cpp.

use crate::scene::{Page, Says, Scene};

const LOADING: &str = include_str!("../../recorded/llamacpp-loading.json");
const HEALTH: &str = include_str!("../../recorded/llamacpp-health.json");
const MODELS: &str = include_str!("../../recorded/llamacpp-models.json");
const TOKEN: &str = include_str!("../../recorded/llamacpp-token.json");
const IDLE: &str = include_str!("../../recorded/llamacpp-metrics-idle.txt");
const BUSY: &str = include_str!("../../recorded/llamacpp-metrics-busy.txt");

pub(super) fn loading() -> Scene {
    Scene::pages(
        "llama.cpp: loading",
        [
            Page::new("GET /*", Says::json(503, LOADING)),
            Page::new("POST /*", Says::json(503, LOADING)),
        ],
    )
}

pub(super) fn ok() -> Scene {
    Scene::pages(
        "llama.cpp: healthy",
        [
            Page::new("GET /health", Says::json(200, HEALTH)),
            Page::new("GET /metrics", Says::text(200, IDLE)),
            Page::new("GET /v1/models", Says::json(200, MODELS)),
            Page::new("POST /v1/completions", Says::json(200, TOKEN)),
        ],
    )
}

pub(super) fn busy() -> Scene {
    Scene::pages(
        "llama.cpp: 20 in flight at 2 slots",
        [
            Page::new("GET /metrics", Says::text(200, BUSY)),
            Page::new("GET /*", Says::Nothing),
            Page::new("POST /*", Says::Nothing),
        ],
    )
}

/// What answers lives, and what works does not.
pub(super) fn stuck() -> Scene {
    Scene::pages(
        "llama.cpp: its loop is stuck",
        [
            Page::new("GET /health", Says::json(200, HEALTH)),
            Page::new("GET /*", Says::Nothing),
            Page::new("POST /*", Says::Nothing),
        ],
    )
}
