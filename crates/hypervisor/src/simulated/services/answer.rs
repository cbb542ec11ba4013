//! How services answer: shaped as those of vLLM 0.32, Qdrant 1.18, Ollama and nginx are.

use serde_json::{Value, json};

use super::super::guest::Sickness;
use super::offer::{Offer, What};

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) kind: &'static str,
    pub(super) body: String,
}

/// A question.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'q> {
    pub(super) method: &'q str,
    pub(super) path: &'q str,
    pub(super) body: &'q [u8],
}

/// What a service has done so far: that it goes up tells a slow one from one that hangs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Work {
    /// Tokens made.
    pub(super) tokens: u64,
    /// Requests that wait for their answer.
    pub(super) running: u64,
}

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// Says whether the question is never answered.
pub(super) fn is_left_waiting(offer: &Offer, question: Question<'_>) -> bool {
    match (offer.sickness, &offer.what) {
        (Some(Sickness::Hang), _) => true,
        // What only looks after itself says it is well.
        (Some(Sickness::Stall), What::Vllm { .. }) => question.path == "/v1/completions",
        (Some(Sickness::Stall), What::Ollama) => question.path == "/api/generate",
        (Some(Sickness::Stall), What::Qdrant) => question.path.starts_with("/collections"),
        (Some(Sickness::Stall), What::Nginx)
        | (Some(Sickness::Refuse | Sickness::Unavailable | Sickness::Empty) | None, _) => false,
    }
}

/// Returns the answer to a question.
pub(super) fn answer(offer: &Offer, question: Question<'_>, work: Work) -> Answer {
    match &offer.what {
        What::Vllm { model } => vllm(model, offer.sickness, question, work),
        What::Qdrant => qdrant(offer.sickness, question),
        What::Ollama => ollama(offer.sickness, question),
        What::Nginx => nginx(offer.sickness, question),
    }
}

fn vllm(model: &str, sickness: Option<Sickness>, question: Question<'_>, work: Work) -> Answer {
    let is_dead = sickness == Some(Sickness::Unavailable);
    let has_model = sickness != Some(Sickness::Empty);
    match (question.method, question.path) {
        ("GET", "/health") | ("GET" | "POST", "/ping") => {
            Answer { status: if is_dead { 503 } else { 200 }, kind: TEXT, body: String::new() }
        }
        ("GET", "/v1/models") => {
            let model = json!({
                "id": model, "object": "model", "created": 1_767_225_600, "owned_by": "vllm",
                "root": model, "parent": null, "max_model_len": 8192, "permission": [],
            });
            let models = if has_model { vec![model] } else { Vec::new() };
            ok(&json!({ "object": "list", "data": models }))
        }
        ("GET", "/version") => ok(&json!({ "version": "0.32.0" })),
        ("GET", "/load") => ok(&json!({ "server_load": 0 })),
        ("GET", "/metrics") => metrics(model, work),
        ("POST", "/v1/completions") if is_dead => error(
            500,
            "InternalServerError",
            "EngineCore encountered an issue. See stack trace (above) for the root cause.",
        ),
        ("POST", "/v1/completions") => completion(model, has_model, question.body),
        (_, _) => json_answer(404, &json!({ "detail": "Not Found" })),
    }
}

fn completion(model: &str, has_model: bool, body: &[u8]) -> Answer {
    let Ok(asked) = serde_json::from_slice::<Value>(body) else {
        return error(400, "BadRequestError", "the body is no JSON");
    };
    let named = asked.get("model").and_then(Value::as_str).unwrap_or(model);
    if named != model || !has_model {
        let aliases = if has_model { model } else { "" };
        let why = format!("The model `{named}` does not exist. Valid aliases: {aliases}.");
        return error(404, "NotFoundError", &why);
    }
    ok(&json!({
        "id": "cmpl-simulated", "object": "text_completion", "created": 1_767_225_600,
        "model": model,
        "choices": [{
            "index": 0, "text": "ok", "logprobs": null,
            "finish_reason": "length", "stop_reason": null,
        }],
        "usage": { "prompt_tokens": 1, "total_tokens": 2, "completion_tokens": 1 },
    }))
}

fn metrics(model: &str, Work { tokens, running }: Work) -> Answer {
    let of = format!("engine=\"0\",model_name=\"{model}\"");
    let body = format!(
        "# TYPE vllm:num_requests_running gauge\n\
         vllm:num_requests_running{{{of}}} {running}.0\n\
         # TYPE vllm:num_requests_waiting gauge\n\
         vllm:num_requests_waiting{{{of}}} 0.0\n\
         # TYPE vllm:engine_sleep_state gauge\n\
         vllm:engine_sleep_state{{{of},sleep_state=\"awake\"}} 1.0\n\
         # TYPE vllm:kv_cache_usage_perc gauge\n\
         vllm:kv_cache_usage_perc{{{of}}} 0.0\n\
         # TYPE vllm:iteration_tokens_total histogram\n\
         vllm:iteration_tokens_total_count{{{of}}} {tokens}.0\n\
         vllm:iteration_tokens_total_sum{{{of}}} {tokens}.0\n"
    );
    Answer { status: 200, kind: "text/plain; version=1.0.0; charset=utf-8", body }
}

fn qdrant(sickness: Option<Sickness>, question: Question<'_>) -> Answer {
    // A collection, so that one without any can be told from one that has lost what it had.
    let collections = match sickness {
        Some(Sickness::Empty) => Vec::new(),
        Some(Sickness::Hang | Sickness::Refuse | Sickness::Unavailable | Sickness::Stall)
        | None => {
            vec!["documents"]
        }
    };
    if sickness == Some(Sickness::Unavailable) {
        return match question.path {
            "/" | "/healthz" | "/livez" => qdrant(None, question),
            _ => text(503, "some shards are not ready"),
        };
    }
    let result = |result: Value| ok(&json!({ "result": result, "status": "ok", "time": 0.000_03 }));
    match (question.method, question.path) {
        ("GET", "/") => {
            ok(&json!({ "title": "qdrant - vector search engine", "version": "1.18.3" }))
        }
        ("GET", "/healthz" | "/livez") => text(200, "healthz check passed"),
        ("GET", "/readyz") => text(200, "all shards are ready"),
        ("GET", "/collections") => {
            let names: Vec<_> = collections.iter().map(|name| json!({ "name": name })).collect();
            result(json!({ "collections": names }))
        }
        ("GET", "/cluster") => result(json!({ "status": "disabled" })),
        ("GET", "/telemetry") => result(json!({
            "id": "simulated",
            "app": { "name": "qdrant", "version": "1.18.3" },
            "collections": { "number_of_collections": collections.len() },
            "cluster": { "enabled": false },
        })),
        ("GET", "/metrics") => text(
            200,
            &format!(
                "app_info{{name=\"qdrant\",version=\"1.18.3\"}} 1\napp_status_recovery_mode 0\n\
                 collections_total {}\n",
                collections.len()
            ),
        ),
        ("GET", path) => match path.strip_prefix("/collections/") {
            Some(name) if collections.contains(&name) => result(json!({
                "status": "green", "optimizer_status": "ok",
                "points_count": 3000, "segments_count": 2,
            })),
            Some(name) => {
                let why = format!("Not found: Collection `{name}` doesn't exist!");
                json_answer(404, &json!({ "status": { "error": why }, "time": 0.000_06 }))
            }
            None => text(404, ""),
        },
        ("POST", path) => {
            let name = path.strip_prefix("/collections/").and_then(|path| path.split('/').next());
            match name {
                Some(name) if collections.contains(&name) => result(json!({ "points": [] })),
                Some(_) | None => text(404, ""),
            }
        }
        (_, _) => text(404, ""),
    }
}

fn ollama(sickness: Option<Sickness>, question: Question<'_>) -> Answer {
    if sickness == Some(Sickness::Unavailable) {
        let why = "server busy, please try again.  maximum pending requests exceeded";
        return json_answer(503, &json!({ "error": why }));
    }
    match (question.method, question.path) {
        ("GET" | "HEAD", "/") => text(200, "Ollama is running"),
        ("GET" | "HEAD", "/api/version") => ok(&json!({ "version": "0.12.0" })),
        ("GET" | "HEAD", "/api/tags") => {
            let model = json!({
                "name": "llama3.2:latest", "model": "llama3.2:latest",
                "size": 2_019_393_189, "digest": "simulated",
                "details": { "format": "gguf", "family": "llama", "parameter_size": "3.2B" },
            });
            let models = if sickness == Some(Sickness::Empty) { vec![] } else { vec![model] };
            ok(&json!({ "models": models }))
        }
        // Nothing is loaded until it is used; that is healthy.
        ("GET", "/api/ps") => ok(&json!({ "models": [] })),
        (_, _) => text(404, "404 page not found"),
    }
}

fn nginx(sickness: Option<Sickness>, question: Question<'_>) -> Answer {
    let page = |status: u16, title: &str| Answer {
        status,
        kind: "text/html",
        body: format!("<html>\n<head><title>{title}</title></head>\n</html>\n"),
    };
    match (sickness, question.path) {
        (Some(Sickness::Unavailable), _) => page(503, "503 Service Temporarily Unavailable"),
        (Some(Sickness::Stall), path) if path != "/healthz" => page(504, "504 Gateway Time-out"),
        (_, "/healthz") => text(200, "ok\n"),
        (Some(Sickness::Empty), _) => page(404, "404 Not Found"),
        (_, "/") => page(200, "Welcome to nginx!"),
        (_, _) => page(404, "404 Not Found"),
    }
}

fn ok(body: &Value) -> Answer {
    json_answer(200, body)
}

fn error(status: u16, kind: &str, message: &str) -> Answer {
    let error = json!({ "message": message, "type": kind, "param": null, "code": status });
    json_answer(status, &json!({ "error": error }))
}

fn json_answer(status: u16, body: &Value) -> Answer {
    Answer { status, kind: JSON, body: body.to_string() }
}

fn text(status: u16, body: &str) -> Answer {
    Answer { status, kind: TEXT, body: body.to_owned() }
}
