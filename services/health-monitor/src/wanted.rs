//! What is asked of a guest, by what it is for.

use phoenix_domain::GuestSpec;
use phoenix_domain::health::{Ask, Probe};

/// Returns what is asked of a guest: what its features and its model server imply, and what its
/// worker finds inside.
pub(crate) fn probes(want: &GuestSpec) -> Vec<Probe> {
    let mut probes = Vec::new();
    let mut add = |name: &str, ask: Ask| {
        probes.push(Probe { name: name.into(), ask, start_deadline: None });
    };
    let server = want.model_server.as_ref();
    let model =
        server.map(|server| server.served_name.clone().unwrap_or_else(|| server.model.clone()));
    let is_served_by = |name: &str| want.features.iter().any(|feature| feature.as_str() == name);
    if server.is_some() && !is_served_by("llamacpp") {
        add("vllm", Ask::Vllm { port: want.model_port(), model: model.clone() });
    }
    for feature in &want.features {
        let ask = match feature.as_str() {
            "qdrant" => Ask::Qdrant { port: 6333, collections: Vec::new() },
            "ollama" => {
                let needs_gpu = !want.gpus.indices().is_empty();
                Ask::Ollama { port: 11434, models: Vec::new(), needs_gpu }
            }
            "llamacpp" => Ask::LlamaCpp { port: want.model_port(), model: model.clone() },
            "postgresql" => Ask::Postgresql { port: 5432 },
            "redis" => Ask::Redis { port: 6379 },
            "nginx" => Ask::Nginx { port: 80, path: "/".into() },
            "gateway" => Ask::Nginx { port: 80, path: "/healthz".into() },
            "n8n" => {
                Ask::Http { port: 5678, path: "/healthz".into(), status: Some(200), contains: None }
            }
            _ => continue,
        };
        add(feature.as_str(), ask);
    }
    add("inside", Ask::Inside);
    probes
}

#[cfg(test)]
mod tests {
    use phoenix_testkit::guest;

    use super::*;

    #[test]
    fn what_is_asked_follows_from_what_a_guest_is_for() {
        let kinds = |want: &GuestSpec| {
            probes(want).iter().map(|probe| probe.ask.to_string()).collect::<Vec<_>>()
        };
        let plain = guest(900).build();
        assert_eq!(kinds(&plain), ["inside"]);

        let store = guest(952).features(&["docker", "qdrant"]).build();
        assert_eq!(kinds(&store), ["qdrant at port 6333", "inside"]);

        let mut chat = guest(950).features(&["nvidia"]).build();
        chat.model_server = Some(phoenix_domain::ModelServer {
            model: "qwen".into(),
            served_name: None,
            model_type: None,
            port: Some(8001),
            arguments: Vec::new(),
        });
        assert_eq!(kinds(&chat), ["vllm at port 8001", "inside"]);
    }
}
