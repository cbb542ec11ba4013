//! What is asked of a guest to learn whether it serves.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One question to a guest, asked again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// What it is called; no two of a guest are called the same.
    pub name: Box<str>,
    /// What is asked.
    pub ask: Ask,
    /// Seconds from the start of the service within which it has to serve, where that is known
    /// better than by its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_deadline: Option<u32>,
    /// The name of the secret of the guest that lets the monitor in, where it needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Box<str>>,
}

impl Probe {
    /// Returns one that says nothing but what is asked.
    pub fn new(name: &str, ask: Ask) -> Self {
        Self { name: name.into(), ask, start_deadline: None, key: None }
    }
}

/// What is asked, and whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Ask {
    /// A vLLM server, by its counters, and by one token where it is idle.
    Vllm {
        /// Where it listens.
        port: u16,
        /// The model it is to offer; absent where any will do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<Box<str>>,
    },
    /// A Qdrant server, by its collections.
    Qdrant {
        /// Where it listens.
        port: u16,
        /// The collections it is to hold.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        collections: Vec<Box<str>>,
    },
    /// An Ollama server, by its models, without keeping any of them loaded.
    Ollama {
        /// Where it listens.
        port: u16,
        /// The models it is to have.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        models: Vec<Box<str>>,
        /// Whether its models belong on a GPU, whole.
        #[serde(default)]
        needs_gpu: bool,
    },
    /// The server of llama.cpp.
    LlamaCpp {
        /// Where it listens.
        port: u16,
        /// The model it is to offer; absent where any will do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<Box<str>>,
    },
    /// Any page.
    Http {
        /// Where it listens.
        port: u16,
        /// The path, with a slash before it.
        path: Box<str>,
        /// The status it is to answer with; absent means any below 400.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// What the answer is to contain.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        contains: Option<Box<str>>,
    },
    /// Whether anything listens. A server that hangs passes: its kernel answers for it.
    Tcp {
        /// Where.
        port: u16,
    },
    /// A `PostgreSQL` server, by what it answers to somebody who may not log in.
    Postgresql {
        /// Where it listens.
        port: u16,
    },
    /// A Redis server, by `PING`.
    Redis {
        /// Where it listens.
        port: u16,
    },
    /// An nginx server: its own page, and never what lies behind it.
    Nginx {
        /// Where it listens.
        port: u16,
        /// The path, with a slash before it.
        path: Box<str>,
    },
    /// The containers of Docker in the guest, by its worker.
    Docker {
        /// Those that have to run; where none is named, none may fail.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        containers: Vec<Box<str>>,
    },
    /// What the worker finds inside: the checks of its features and the operator's own.
    Inside,
}

impl Ask {
    /// The kinds that the config knows.
    pub const KINDS: [&str; 10] = [
        "vllm",
        "qdrant",
        "ollama",
        "llamacpp",
        "http",
        "tcp",
        "postgresql",
        "redis",
        "nginx",
        "docker",
    ];
    /// What the probe is called by which the worker looks inside; no other one is.
    pub const INSIDE: &str = "inside";

    /// Returns the port it is asked at; what is asked inside needs none.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Vllm { port, .. }
            | Self::Qdrant { port, .. }
            | Self::Ollama { port, .. }
            | Self::LlamaCpp { port, .. }
            | Self::Http { port, .. }
            | Self::Tcp { port }
            | Self::Postgresql { port }
            | Self::Redis { port }
            | Self::Nginx { port, .. } => Some(*port),
            Self::Docker { .. } | Self::Inside => None,
        }
    }

    /// Returns the same question to another port; what is asked inside stays as it is.
    #[must_use]
    pub fn at_port(mut self, at: u16) -> Self {
        match &mut self {
            Self::Vllm { port, .. }
            | Self::Qdrant { port, .. }
            | Self::Ollama { port, .. }
            | Self::LlamaCpp { port, .. }
            | Self::Http { port, .. }
            | Self::Tcp { port }
            | Self::Postgresql { port }
            | Self::Redis { port }
            | Self::Nginx { port, .. } => *port = at,
            Self::Docker { .. } | Self::Inside => {}
        }
        self
    }

    /// Returns the kind, as the config calls it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Vllm { .. } => "vllm",
            Self::Qdrant { .. } => "qdrant",
            Self::Ollama { .. } => "ollama",
            Self::LlamaCpp { .. } => "llamacpp",
            Self::Http { .. } => "http",
            Self::Tcp { .. } => "tcp",
            Self::Postgresql { .. } => "postgresql",
            Self::Redis { .. } => "redis",
            Self::Nginx { .. } => "nginx",
            Self::Docker { .. } => "docker",
            Self::Inside => Self::INSIDE,
        }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port() {
            Some(port) => write!(f, "{} at port {port}", self.kind()),
            None => f.write_str(self.kind()),
        }
    }
}
