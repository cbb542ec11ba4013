//! A fault, and the service that has it.

use std::time::Duration;

use phoenix_domain::health::{Ask, Means};
use phoenix_replay::Scene;

use super::row::Wanted;

/// A fault, or what looks like one.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) service: Service,
    pub(crate) ask: fn(u16) -> Ask,
    /// What its server says while the fault is there.
    pub(crate) scene: fn() -> Scene,
    /// What the worker sees of its process then.
    pub(crate) seen: Seen,
    pub(crate) wanted: Wanted,
    /// After how many seconds it is over by itself.
    pub(crate) lasts: Option<Duration>,
    /// How many guests have it.
    pub(crate) guests: usize,
    /// What else is wrong, or going on.
    pub(crate) trouble: Option<Trouble>,
    /// Whether it is there at every other question only.
    pub(crate) comes_and_goes: bool,
}

/// What the worker sees of a process.
#[derive(Clone, Copy)]
pub(crate) enum Seen {
    /// There is nobody who could look.
    Nobody,
    Gone,
    GivenUp,
    /// It is there, and does nothing.
    Still,
    /// It is there, and reads and writes.
    Busy,
    /// It ends, and its supervisor starts it anew, each time somebody looks.
    Again,
}

/// What else is wrong, or going on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    Host,
    Bridge,
    Storage,
    Gpu,
    Backup,
    Worker,
    Maintenance,
    Monitor,
}

/// A kind of service.
#[derive(Clone, Copy)]
pub(crate) struct Service {
    pub(crate) well: &'static str,
    pub(crate) plain: Plain,
    pub(crate) means: Means,
    ask: fn(u16) -> Ask,
}

/// What the plain way asks.
#[derive(Clone, Copy)]
pub(crate) enum Plain {
    Get(&'static str),
    /// There is no page: a connection has to do.
    Connect,
}

pub(super) const VLLM: Service = Service {
    well: "vllm_ok",
    plain: Plain::Get("/health"),
    means: Means::Stateless,
    ask: |port| Ask::Vllm { port, model: Some("tiny".into()) },
};
pub(super) const QDRANT: Service = Service {
    well: "qdrant_ok",
    plain: Plain::Get("/readyz"),
    means: Means::Stateful,
    ask: |port| Ask::Qdrant { port, collections: vec!["c1".into()] },
};
pub(super) const OLLAMA: Service = Service {
    well: "ollama_idle",
    plain: Plain::Get("/"),
    means: Means::Stateless,
    ask: |port| Ask::Ollama { port, models: vec!["llama3.2".into()], needs_gpu: true },
};
pub(super) const LLAMA: Service = Service {
    well: "llama_ok",
    plain: Plain::Get("/health"),
    means: Means::Stateless,
    ask: |port| Ask::LlamaCpp { port, model: Some("mid.gguf".into()) },
};
pub(super) const POSTGRESQL: Service = Service {
    well: "pg_password",
    plain: Plain::Connect,
    means: Means::Stateful,
    ask: |port| Ask::Postgresql { port },
};
pub(super) const REDIS: Service = Service {
    well: "redis_ok",
    plain: Plain::Connect,
    means: Means::Stateful,
    ask: |port| Ask::Redis { port },
};
/// A page of its own, and one of what lies behind it.
pub(super) const NGINX: Service = Service {
    well: "nginx_ok",
    plain: Plain::Get("/healthz"),
    means: Means::Stateless,
    ask: |port| Ask::Nginx { port, path: "/healthz".into() },
};
pub(super) const PROXY: Service = Service {
    plain: Plain::Get("/v1/models"),
    ask: |port| Ask::Nginx { port, path: "/v1/models".into() },
    ..NGINX
};

impl Fault {
    pub(super) fn new(
        service: Service,
        name: &'static str,
        scene: fn() -> Scene,
        seen: Seen,
        wanted: Wanted,
    ) -> Self {
        Self {
            name,
            service,
            ask: service.ask,
            scene,
            seen,
            wanted,
            lasts: None,
            guests: 1,
            trouble: None,
            comes_and_goes: false,
        }
    }

    /// It is over by itself after ten minutes.
    pub(super) fn for_ten_minutes(self) -> Self {
        Self { lasts: Some(Duration::from_mins(10)), ..self }
    }

    pub(super) fn with(self, trouble: Trouble) -> Self {
        Self { trouble: Some(trouble), ..self }
    }

    pub(super) fn of(self, guests: usize) -> Self {
        Self { guests, ..self }
    }
}
