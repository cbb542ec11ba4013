//! vLLM.

use std::borrow::Cow;

use crate::scene::{Page, Says, Scene};

const MODELS: &str = include_str!("../../recorded/vllm-models.json");
const TOKEN: &str = include_str!("../../recorded/vllm-token.json");
const NO_SUCH_MODEL: &str = include_str!("../../recorded/vllm-no-such-model.json");
const ENGINE_DEAD: &str = include_str!("../../recorded/vllm-engine-dead.json");
const UNAUTHORIZED: &str = include_str!("../../recorded/vllm-unauthorized.json");
const IDLE: &str = include_str!("../../recorded/vllm-metrics-idle.txt");
const SATURATED: [&str; 3] = [
    include_str!("../../recorded/vllm-metrics-saturated-1.txt"),
    include_str!("../../recorded/vllm-metrics-saturated-2.txt"),
    include_str!("../../recorded/vllm-metrics-saturated-3.txt"),
];
const HUNG: &str = include_str!("../../recorded/vllm-metrics-hung.txt");
const ZOMBIE: &str = include_str!("../../recorded/vllm-metrics-zombie.txt");

const HEALTH: &str = "GET /health";
const METRICS: &str = "GET /metrics";
const LIST: &str = "GET /v1/models";
const COMPLETIONS: &str = "POST /v1/completions";

fn health(status: u16) -> Page {
    Page::new(HEALTH, Says::text(status, ""))
}

fn metrics(text: &'static str) -> Page {
    Page::new(METRICS, Says::text(200, text))
}

fn models() -> Page {
    Page::new(LIST, Says::json(200, MODELS))
}

fn completions(says: Says) -> Page {
    Page::new(COMPLETIONS, says)
}

fn token() -> Page {
    completions(Says::json(200, TOKEN))
}

pub(super) fn ok() -> Scene {
    Scene::pages("vllm: healthy", [health(200), metrics(IDLE), models(), token()])
}

pub(super) fn loading_then_ok() -> Vec<Scene> {
    vec![Scene::refused("vllm: loading, its port is closed"), ok()]
}

pub(super) fn saturated() -> Scene {
    let counters = Page::turns(METRICS, SATURATED.map(|text| Says::text(200, text)));
    let pages = [health(200), counters, models(), completions(Says::Nothing)];
    Scene::pages("vllm: 40 in flight", pages)
}

pub(super) fn hung() -> Scene {
    let pages = [health(200), metrics(HUNG), models(), completions(Says::Nothing)];
    Scene::pages("vllm: engine stopped with 6 in flight", pages)
}

pub(super) fn hung_idle() -> Scene {
    let pages = [health(200), metrics(IDLE), models(), completions(Says::Nothing)];
    Scene::pages("vllm: engine stopped while idle", pages)
}

/// Others came between the look at the counters and the token.
pub(super) fn late_but_busy() -> Scene {
    let counters = Page::turns(METRICS, [IDLE, SATURATED[1]].map(|text| Says::text(200, text)));
    let pages = [health(200), counters, models(), completions(Says::Nothing)];
    Scene::pages("vllm: idle, and then busy", pages)
}

pub(super) fn dead_503() -> Scene {
    let pages = [health(503), metrics(IDLE), models(), completions(Says::json(500, ENGINE_DEAD))];
    Scene::pages("vllm: engine killed", pages)
}

pub(super) fn dead_exit0() -> Vec<Scene> {
    vec![dead_503(), Scene::refused("vllm: ended with exit code 0")]
}

pub(super) fn zombie() -> Scene {
    let pages = [health(503), metrics(ZOMBIE), models(), completions(Says::json(500, ENGINE_DEAD))];
    Scene::pages("vllm: engine dead, kept alive", pages)
}

/// A third of a second in which the engine is dead and `/health` has not noticed.
pub(super) fn dying() -> Scene {
    let pages = [health(200), metrics(IDLE), models(), completions(Says::json(500, ENGINE_DEAD))];
    Scene::pages("vllm: engine just killed", pages)
}

pub(super) fn locked() -> Scene {
    let with_key = |page: Page| {
        page.for_those_who_say("authorization: Bearer right", Says::json(401, UNAUTHORIZED))
    };
    let pages = [health(200), metrics(IDLE), with_key(models()), with_key(token())];
    Scene::pages("vllm: with a key", pages)
}

pub(super) fn asleep() -> Scene {
    let awake = "sleep_state=\"awake\"} 1.0";
    let text = IDLE.replace(awake, &awake.replace("1.0", "0.0"));
    let says = Says::Answer { status: 200, kind: "text/plain", body: Cow::Owned(text) };
    let counters = Page::new(METRICS, says);
    let pages = [health(200), counters, models(), completions(Says::Nothing)];
    Scene::pages("vllm: put to sleep", pages)
}

pub(super) fn without_counters() -> Scene {
    let pages = [health(200), metrics("python_info 1.0\n"), models(), token()];
    Scene::pages("vllm: with its statistics switched off", pages)
}

pub(super) fn pooling() -> Scene {
    let no_route = completions(Says::json(404, r#"{"detail":"Not Found"}"#));
    let other = Page::new("POST /v1/completions/other", Says::json(404, NO_SUCH_MODEL));
    let pages = [health(200), metrics(IDLE), models(), other, no_route];
    Scene::pages("vllm: a model that makes no tokens", pages)
}
