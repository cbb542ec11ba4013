//! What there is a row for.

use phoenix_domain::health::{Ask, Rung};
use phoenix_replay::Scene;

use super::fault::Seen::{Again, Busy, GivenUp, Gone, Nobody, Still};
use super::fault::{Fault, LLAMA, NGINX, OLLAMA, POSTGRESQL, PROXY, QDRANT, REDIS, Trouble, VLLM};
use super::row::Wanted::{self, Human, Nothing, OneIncident};
use super::stage::{at_work, first, nth};

const SERVICE: Wanted = Wanted::Rung(Rung::Service);
const APPLICATION: Wanted = Wanted::Rung(Rung::Application);

pub(crate) fn all() -> Vec<Fault> {
    [vllm(), qdrant(), ollama_and_llama(), others(), surroundings()].into_iter().flatten().collect()
}

/// A long queue, and work that goes on.
fn vllm_saturated() -> Scene {
    at_work("vllm_saturated", &["vllm:iteration_tokens_total_count"])
}

fn llama_busy() -> Scene {
    at_work("llama_busy", &["llamacpp:prompt_tokens_total", "llamacpp:tokens_predicted_total"])
}

fn refused() -> Scene {
    Scene::refused("nobody listens")
}

fn silent() -> Scene {
    Scene::silent("nobody answers")
}

fn vllm() -> Vec<Fault> {
    vec![
        Fault::new(
            VLLM,
            "vLLM: engine stopped, 6 requests in it",
            || first("vllm_hung"),
            Still,
            SERVICE,
        ),
        Fault::new(
            VLLM,
            "vLLM: engine stopped while idle",
            || first("vllm_hung_idle"),
            Still,
            SERVICE,
        ),
        Fault::new(VLLM, "vLLM: engine killed", || first("vllm_dead_503"), Still, SERVICE),
        Fault::new(
            VLLM,
            "vLLM: engine dead, server kept alive",
            || first("vllm_zombie"),
            Still,
            SERVICE,
        ),
        Fault::new(VLLM, "vLLM: ended with exit code 0", refused, Gone, SERVICE),
        Fault::new(VLLM, "vLLM: server process stopped", silent, Still, SERVICE),
        Fault::new(VLLM, "vLLM: ends again at every start", refused, GivenUp, APPLICATION),
        Fault::new(VLLM, "vLLM: started again and again by systemd", refused, Again, APPLICATION),
        Fault::new(VLLM, "vLLM: start makes no progress", refused, Still, SERVICE),
        Fault {
            ask: |port| Ask::Vllm { port, model: Some("qwen".into()) },
            ..Fault::new(VLLM, "vLLM: serves another model", || first("vllm_ok"), Busy, APPLICATION)
        },
        Fault {
            comes_and_goes: true,
            ..Fault::new(
                VLLM,
                "vLLM: fails every other time",
                || first("vllm_dead_503"),
                Still,
                SERVICE,
            )
        },
        Fault::new(VLLM, "vLLM: 40 in flight, for 40 minutes", vllm_saturated, Busy, Nothing),
        Fault::new(VLLM, "vLLM: loads its model for 10 minutes", refused, Busy, Nothing)
            .for_ten_minutes(),
        Fault::new(VLLM, "vLLM: put to sleep", || first("vllm_asleep"), Still, Nothing),
        Fault::new(
            VLLM,
            "vLLM: wants a key we have not, 10 minutes",
            || first("vllm_401"),
            Still,
            Nothing,
        )
        .for_ten_minutes(),
    ]
}

fn qdrant() -> Vec<Fault> {
    vec![
        Fault::new(QDRANT, "Qdrant: killed", refused, Gone, SERVICE),
        Fault::new(QDRANT, "Qdrant: stopped", silent, Still, SERVICE),
        Fault::new(
            QDRANT,
            "Qdrant: started without its data",
            || first("qdrant_empty"),
            Still,
            Human,
        ),
        Fault::new(QDRANT, "Qdrant: in recovery mode", || first("qdrant_recovery"), Still, Human),
        Fault::new(QDRANT, "Qdrant: quorum lost", || first("qdrant_quorum_lost"), Still, Human),
        Fault::new(QDRANT, "Qdrant: a red collection", || first("qdrant_red"), Still, Human),
        Fault::new(QDRANT, "Qdrant: optimises", || first("qdrant_yellow"), Busy, Nothing),
        Fault::new(
            QDRANT,
            "Qdrant: joins for 10 minutes",
            || first("qdrant_joining"),
            Busy,
            Nothing,
        )
        .for_ten_minutes(),
    ]
}

fn ollama_and_llama() -> Vec<Fault> {
    vec![
        Fault::new(
            OLLAMA,
            "Ollama: its runner has died",
            || first("ollama_runner_dead"),
            Still,
            SERVICE,
        ),
        Fault::new(OLLAMA, "Ollama: stopped", silent, Still, SERVICE),
        Fault {
            ask: |port| Ask::Ollama { port, models: vec!["qwen3".into()], needs_gpu: false },
            ..Fault::new(
                OLLAMA,
                "Ollama: its model is gone",
                || first("ollama_idle"),
                Still,
                APPLICATION,
            )
        },
        Fault::new(
            OLLAMA,
            "Ollama: its queue is full",
            || first("ollama_queue_full"),
            Busy,
            Nothing,
        ),
        Fault::new(OLLAMA, "Ollama: nothing loaded", || first("ollama_idle"), Still, Nothing),
        Fault::new(LLAMA, "llama.cpp: killed", refused, Gone, SERVICE),
        Fault::new(LLAMA, "llama.cpp: stopped", silent, Still, SERVICE),
        Fault::new(LLAMA, "llama.cpp: its loop is stuck", || nth("llama_stuck", 1), Still, SERVICE),
        Fault::new(
            LLAMA,
            "llama.cpp: 20 in flight, /health waits in line",
            llama_busy,
            Busy,
            Nothing,
        ),
        Fault::new(
            LLAMA,
            "llama.cpp: loads for 10 minutes",
            || first("llama_loading"),
            Busy,
            Nothing,
        )
        .for_ten_minutes(),
    ]
}

fn others() -> Vec<Fault> {
    vec![
        Fault::new(POSTGRESQL, "PostgreSQL: master killed", refused, Gone, SERVICE),
        Fault::new(POSTGRESQL, "PostgreSQL: stopped", silent, Still, SERVICE),
        Fault::new(
            POSTGRESQL,
            "PostgreSQL: its files are gone",
            || first("pg_no_data"),
            Still,
            Human,
        ),
        Fault::new(
            POSTGRESQL,
            "PostgreSQL: recovers for 10 minutes",
            || first("pg_starting"),
            Busy,
            Nothing,
        )
        .for_ten_minutes(),
        Fault::new(REDIS, "Redis: stopped", silent, Still, SERVICE),
        Fault::new(REDIS, "Redis: loads for 10 minutes", || first("redis_loading"), Busy, Nothing)
            .for_ten_minutes(),
        Fault::new(REDIS, "Redis: wants a password", || first("redis_noauth"), Still, Nothing),
        Fault::new(NGINX, "nginx: killed", refused, Gone, SERVICE),
        Fault::new(PROXY, "nginx: what lies behind refuses", || first("nginx_502"), Still, Nothing),
        Fault::new(PROXY, "nginx: what lies behind hangs", || first("nginx_504"), Still, Nothing),
    ]
}

fn surroundings() -> Vec<Fault> {
    vec![
        Fault::new(VLLM, "bridge under 5 guests is down", silent, Busy, OneIncident)
            .of(5)
            .with(Trouble::Bridge),
        Fault::new(VLLM, "host of 5 guests is silent", silent, Nobody, OneIncident)
            .of(5)
            .with(Trouble::Host),
        Fault::new(
            VLLM,
            "GPU of 2 guests fell off the bus",
            || first("vllm_dead_503"),
            Still,
            OneIncident,
        )
        .of(2)
        .with(Trouble::Gpu),
        Fault::new(QDRANT, "storage of 3 guests is gone", silent, Still, OneIncident)
            .of(3)
            .with(Trouble::Storage),
        Fault::new(
            VLLM,
            "5 guests of a host fail at once, nobody knows why",
            silent,
            Still,
            OneIncident,
        )
        .of(5),
        Fault::new(VLLM, "guest is frozen by a backup, 10 minutes", silent, Still, Nothing)
            .for_ten_minutes()
            .with(Trouble::Backup),
        Fault::new(VLLM, "a worker is at the guest, 10 minutes", refused, Gone, Nothing)
            .for_ten_minutes()
            .with(Trouble::Worker),
        Fault::new(VLLM, "maintenance", refused, Gone, Nothing).with(Trouble::Maintenance),
        Fault::new(VLLM, "the monitor's own machine is starved, 10 minutes", silent, Busy, Nothing)
            .for_ten_minutes()
            .with(Trouble::Monitor),
    ]
}
