//! What was recorded, as rows of scenes.

mod llamacpp;
mod ollama;
mod others;
mod qdrant;
mod vllm;

use crate::scene::Scene;

/// Returns the scenes of a scenario: `vllm_hung`.
pub fn named(name: &str) -> Option<Vec<Scene>> {
    Some(match name {
        "vllm_loading_then_ok" => vllm::loading_then_ok(),
        "vllm_ok" => vec![vllm::ok()],
        "vllm_saturated" => vec![vllm::saturated()],
        "vllm_hung" => vec![vllm::hung()],
        "vllm_hung_idle" => vec![vllm::hung_idle()],
        "vllm_late_but_busy" => vec![vllm::late_but_busy()],
        "vllm_silent" => vec![Scene::silent("vllm: API process stopped")],
        "vllm_dead_503" => vec![vllm::dead_503()],
        "vllm_dead_exit0" => vllm::dead_exit0(),
        "vllm_zombie" => vec![vllm::zombie()],
        "vllm_dying" => vec![vllm::dying()],
        "vllm_401" => vec![vllm::locked()],
        "vllm_asleep" => vec![vllm::asleep()],
        "vllm_without_counters" => vec![vllm::without_counters()],
        "vllm_pooling" => vec![vllm::pooling()],
        "qdrant_ok" => vec![qdrant::ok()],
        "qdrant_locked" => vec![qdrant::locked()],
        "qdrant_empty" => vec![qdrant::empty()],
        "qdrant_joining" => vec![qdrant::joining()],
        "qdrant_recovery" => vec![qdrant::recovery()],
        "qdrant_quorum_lost" => vec![qdrant::quorum_lost()],
        "qdrant_yellow" => vec![qdrant::coloured("yellow")],
        "qdrant_grey" => vec![qdrant::coloured("grey")],
        "qdrant_red" => vec![qdrant::coloured("red")],
        "ollama_idle" => vec![ollama::idle()],
        "ollama_used" => vec![ollama::used()],
        "ollama_loading_slow" => ollama::loading_slow(),
        "ollama_queue_full" => vec![ollama::queue_full()],
        "ollama_runner_dead" => vec![ollama::runner_dead()],
        "ollama_on_cpu" => vec![ollama::on_cpu()],
        "ollama_foreign_host" => vec![ollama::foreign_host()],
        "llama_loading" => vec![llamacpp::loading()],
        "llama_ok" => vec![llamacpp::ok()],
        "llama_busy" => vec![llamacpp::busy()],
        "llama_stopped" => vec![Scene::silent("llama.cpp: stopped")],
        "llama_stuck" => vec![llamacpp::ok(), llamacpp::stuck()],
        "pg_password" => vec![others::pg_password()],
        "pg_no_data" => vec![others::pg_no_data()],
        "pg_starting" => vec![others::pg_starting()],
        "redis_ok" => vec![others::redis_ok()],
        "redis_noauth" => vec![others::redis_noauth()],
        "redis_loading" => vec![others::redis_loading()],
        "nginx_ok" => vec![others::nginx_ok()],
        "nginx_502" => vec![others::nginx_502()],
        "nginx_504" => vec![others::nginx_504()],
        "tcp_accepts_silently" => vec![Scene::silent("accepts, and says nothing")],
        _ => return None,
    })
}
