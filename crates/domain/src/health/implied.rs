//! What is asked of a guest without anybody saying so: it follows from what the guest is for.

use super::{Ask, Probe};
use crate::GuestSpec;

/// Returns what the features of a guest and its model server imply, and what its worker finds
/// inside.
pub fn implied(want: &GuestSpec) -> Vec<Probe> {
    let mut probes = Vec::new();
    let is_served_by = |name: &str| want.features.iter().any(|feature| feature.as_str() == name);
    if want.model_server.is_some() && !is_served_by("llamacpp") {
        probes.extend(Ask::usual("vllm", want).map(|ask| Probe::new("vllm", ask)));
    }
    for feature in &want.features {
        let ask = match feature.as_str() {
            "gateway" => Some(Ask::Nginx { port: 80, path: "/healthz".into() }),
            "n8n" => {
                let (path, status) = ("/healthz".into(), Some(200));
                Some(Ask::Http { port: 5678, path, status, contains: None })
            }
            kind @ ("qdrant" | "ollama" | "llamacpp" | "postgresql" | "redis" | "nginx") => {
                Ask::usual(kind, want)
            }
            _ => None,
        };
        probes.extend(ask.map(|ask| Probe::new(feature.as_str(), ask)));
    }
    probes.push(Probe::new(Ask::INSIDE, Ask::Inside));
    probes
}

impl Ask {
    /// Returns the question of a kind as a guest is usually asked it; nothing where the kind alone
    /// does not say enough, or there is none of this name.
    pub fn usual(kind: &str, want: &GuestSpec) -> Option<Self> {
        let model = || want.model_server.as_ref().map(|server| server.offers().into());
        Some(match kind {
            "vllm" => Self::Vllm { port: want.model_port(), model: model() },
            "qdrant" => Self::Qdrant { port: 6333, collections: Vec::new() },
            "ollama" => {
                let needs_gpu = !want.gpus.indices().is_empty();
                Self::Ollama { port: 11434, models: Vec::new(), needs_gpu }
            }
            "llamacpp" => Self::LlamaCpp { port: want.model_port(), model: model() },
            "http" => Self::Http { port: 80, path: "/".into(), status: None, contains: None },
            "postgresql" => Self::Postgresql { port: 5432 },
            "redis" => Self::Redis { port: 6379 },
            "nginx" => Self::Nginx { port: 80, path: "/".into() },
            "docker" => Self::Docker { containers: Vec::new() },
            _ => return None,
        })
    }
}
