//! Ollama, from its source: nobody has recorded a running one.

use std::borrow::Cow;

use crate::scene::{Page, Says, Scene};

const NOTHING: &str = r#"{"models":[]}"#;
const TAGS: &str = r#"{"models":[{"name":"llama3.2:latest","model":"llama3.2:latest","modified_at":"2026-08-21T10:00:00Z","size":2019393189,"digest":"a80c4f17acd5","details":{"format":"gguf","family":"llama"}}]}"#;
const TOKEN: &str = r#"{"model":"llama3.2","created_at":"2026-08-21T10:00:00Z","response":"p","done":true,"done_reason":"length"}"#;
const QUEUE_FULL: &str =
    r#"{"error":"server busy, please try again.  maximum pending requests exceeded"}"#;
const RUNNER_DEAD: &str = r#"{"error":"llama-server process has terminated: exit status 2"}"#;

/// Loaded, with this much of it on the GPU, until then.
fn loaded(on_gpu: u64, until: &str) -> Says {
    let body = format!(
        r#"{{"models":[{{"name":"llama3.2:latest","model":"llama3.2:latest","size":3367856128,"digest":"a80c4f17acd5","details":{{}},"expires_at":"{until}","size_vram":{on_gpu},"context_length":4096}}]}}"#
    );
    Says::Answer { status: 200, kind: "application/json", body: Cow::Owned(body) }
}

const ALL: u64 = 3_367_856_128;

/// In the past of every clock, and each later than the one before.
fn used_often() -> Page {
    let until = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:10Z", "2026-01-01T00:00:20Z"];
    Page::turns("GET /api/ps", until.map(|until| loaded(ALL, until)))
}

fn tags() -> Page {
    Page::new("GET /api/tags", Says::json(200, TAGS))
}

fn generate(says: Says) -> Page {
    Page::new("POST /api/generate", says)
}

fn token() -> Page {
    generate(Says::json(200, TOKEN))
}

pub(super) fn idle() -> Scene {
    let nothing = Page::new("GET /api/ps", Says::json(200, NOTHING));
    Scene::pages("ollama: nothing loaded", [nothing, tags(), token()])
}

pub(super) fn used() -> Scene {
    Scene::pages("ollama: somebody uses a model", [used_often(), tags(), token()])
}

/// The model went between the look and the token, and is loaded anew for it.
pub(super) fn loading_slow() -> Vec<Scene> {
    let slow = [used_often(), tags(), generate(Says::Nothing)];
    vec![Scene::pages("ollama: loads for minutes", slow), used()]
}

pub(super) fn queue_full() -> Scene {
    let full = generate(Says::json(503, QUEUE_FULL));
    Scene::pages("ollama: its queue is full", [used_often(), tags(), full])
}

pub(super) fn runner_dead() -> Scene {
    let dead = generate(Says::json(500, RUNNER_DEAD));
    Scene::pages("ollama: its runner has died", [used_often(), tags(), dead])
}

pub(super) fn on_cpu() -> Scene {
    let half = Page::new("GET /api/ps", loaded(ALL / 2, "2026-01-01T00:00:00Z"));
    Scene::pages("ollama: has lost its GPU", [half, tags(), token()])
}

pub(super) fn foreign_host() -> Scene {
    let page = Page::new("GET /*", Says::text(403, ""));
    Scene::pages("ollama: does not know this name", [page])
}
