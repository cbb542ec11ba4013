//! Every probe against everything a server of its kind was recorded to say.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken fixture should stop the test")]

mod llama;
mod ollama;
mod vllm;

use std::net::IpAddr;
use std::time::Duration;

use chrono::Utc;
use phoenix_domain::health::{Ask, Found, Probe, Progress, Reading, Reason, Silence};
use phoenix_health_monitor::probes::{Asker, Clock, Memory, Pace};
use phoenix_replay::{Asked, Door, Page, Replay, Says, Scene, named};
use secrecy::SecretString;

use Found::{Failing, Loading, Serving, Silent, Unasked, Worse};

/// Nothing that answers is cut short, and what does not answer is not waited for longer than a test may.
fn patient() -> Pace {
    Pace { answer: Duration::from_secs(30), token: Duration::from_secs(30), ..Pace::default() }
}

/// For what does not answer at all.
fn short() -> Pace {
    let soon = Duration::from_millis(300);
    Pace { answer: soon, token: soon, ..Pace::default() }
}

/// For what answers, but for a token.
fn short_token() -> Pace {
    Pace { token: Duration::from_millis(300), ..patient() }
}

struct Asking {
    asker: Asker,
    replay: Replay,
    probe: Probe,
    key: Option<SecretString>,
    memory: Memory,
}

impl Asking {
    async fn scenes(scenes: Vec<Scene>, ask: impl Fn(u16) -> Ask, pace: Pace) -> Self {
        let replay = Replay::start(scenes).await.unwrap();
        let ask = ask(replay.at().port());
        let probe = Probe::new(ask.kind(), ask);
        let asker = Asker::new(Clock::starting(Utc::now()), pace);
        Self { asker, replay, probe, key: None, memory: Memory::default() }
    }

    async fn of(scenario: &str, ask: impl Fn(u16) -> Ask, pace: Pace) -> Self {
        let scenes = named(scenario).unwrap_or_else(|| panic!("{scenario}"));
        Self::scenes(scenes, ask, pace).await
    }

    fn with_key(self, key: &str) -> Self {
        Self { key: Some(key.to_owned().into()), ..self }
    }

    async fn read(&mut self) -> Reading {
        let at = IpAddr::from([127, 0, 0, 1]);
        let reading = self.asker.ask(at, &self.probe, self.key.as_ref(), &mut self.memory).await;
        let evidence = &reading.evidence;
        assert!(!evidence.asked.is_empty() && !evidence.came.is_empty(), "{reading:?}");
        assert!(evidence.excerpt.len() <= 512 && evidence.came.len() <= 512, "{reading:?}");
        reading
    }

    async fn found(&mut self) -> Found {
        self.read().await.found
    }

    fn asked(&self) -> Vec<String> {
        self.replay.asked().into_iter().map(|asked| asked.what).collect()
    }
}

fn vllm(port: u16) -> Ask {
    Ask::Vllm { port, model: Some("tiny".into()) }
}

fn any_vllm(port: u16) -> Ask {
    Ask::Vllm { port, model: None }
}

fn other_vllm(port: u16) -> Ask {
    Ask::Vllm { port, model: Some("qwen".into()) }
}

fn qdrant(port: u16) -> Ask {
    Ask::Qdrant { port, collections: vec!["c1".into()] }
}

fn any_qdrant(port: u16) -> Ask {
    Ask::Qdrant { port, collections: Vec::new() }
}

fn other_qdrant(port: u16) -> Ask {
    Ask::Qdrant { port, collections: vec!["c1".into(), "c2".into()] }
}

fn ollama(port: u16) -> Ask {
    Ask::Ollama { port, models: vec!["llama3.2".into()], needs_gpu: false }
}

fn gpu_ollama(port: u16) -> Ask {
    Ask::Ollama { port, models: Vec::new(), needs_gpu: true }
}

fn other_ollama(port: u16) -> Ask {
    Ask::Ollama { port, models: vec!["qwen3".into()], needs_gpu: false }
}

fn half_ollama(port: u16) -> Ask {
    Ask::Ollama { port, models: vec!["llama3.2".into(), "qwen3".into()], needs_gpu: false }
}

fn llama(port: u16) -> Ask {
    Ask::LlamaCpp { port, model: Some("mid.gguf".into()) }
}

fn other_llama(port: u16) -> Ask {
    Ask::LlamaCpp { port, model: Some("big.gguf".into()) }
}

fn page(path: &str) -> impl Fn(u16) -> Ask {
    move |port| Ask::Http { port, path: path.into(), status: None, contains: None }
}

fn nginx(path: &str) -> impl Fn(u16) -> Ask {
    move |port| Ask::Nginx { port, path: path.into() }
}

fn tcp(port: u16) -> Ask {
    Ask::Tcp { port }
}

fn postgresql(port: u16) -> Ask {
    Ask::Postgresql { port }
}

fn redis(port: u16) -> Ask {
    Ask::Redis { port }
}

macro_rules! first_readings {
    ($($name:ident: $scenario:literal, $ask:expr, $pace:expr => $found:expr;)*) => {
        mod first_reading {
            use super::*;

            $(#[tokio::test]
            async fn $name() {
                let mut asking = Asking::of($scenario, $ask, $pace).await;

                let reading = asking.read().await;

                assert_eq!(reading.found, $found, "{reading:?}");
            })*
        }
    };
}

first_readings! {
    vllm_loading: "vllm_loading_then_ok", vllm, patient() => Silent(Silence::Refused);
    vllm_ok: "vllm_ok", vllm, patient() => Serving;
    vllm_ok_any_model: "vllm_ok", any_vllm, patient() => Serving;
    vllm_other_model: "vllm_ok", other_vllm, patient() => Worse(Reason::WrongModel);
    vllm_saturated: "vllm_saturated", vllm, patient() => Worse(Reason::Saturated);
    // With work in hand; whether it hangs is told by time.
    vllm_hung: "vllm_hung", vllm, patient() => Serving;
    vllm_hung_idle: "vllm_hung_idle", vllm, short_token() => Failing(Reason::Hung);
    vllm_late_but_busy: "vllm_late_but_busy", vllm, short_token() => Worse(Reason::Saturated);
    vllm_api_process_stopped: "vllm_silent", vllm, short() => Silent(Silence::TimedOut);
    vllm_dead_503: "vllm_dead_503", vllm, patient() => Failing(Reason::EngineDead);
    vllm_zombie: "vllm_zombie", vllm, patient() => Failing(Reason::EngineDead);
    vllm_dying: "vllm_dying", vllm, patient() => Failing(Reason::EngineDead);
    vllm_401: "vllm_401", vllm, patient() => Unasked(Reason::ProbeAuth);
    vllm_asleep: "vllm_asleep", vllm, patient() => Worse(Reason::Asleep);
    vllm_without_counters: "vllm_without_counters", vllm, patient() => Serving;
    vllm_pooling: "vllm_pooling", vllm, patient() => Serving;
    qdrant_ok: "qdrant_ok", qdrant, patient() => Serving;
    qdrant_ok_any: "qdrant_ok", any_qdrant, patient() => Serving;
    qdrant_one_missing: "qdrant_ok", other_qdrant, patient() => Failing(Reason::DataMissing);
    qdrant_locked: "qdrant_locked", qdrant, patient() => Unasked(Reason::ProbeAuth);
    qdrant_empty: "qdrant_empty", qdrant, patient() => Failing(Reason::DataMissing);
    qdrant_new: "qdrant_empty", any_qdrant, patient() => Serving;
    qdrant_joining: "qdrant_joining", qdrant, patient() => Loading;
    qdrant_recovery: "qdrant_recovery", qdrant, patient() => Failing(Reason::RecoveryMode);
    qdrant_recovery_any: "qdrant_recovery", any_qdrant, patient() => Failing(Reason::RecoveryMode);
    qdrant_quorum_lost: "qdrant_quorum_lost", qdrant, patient() => Failing(Reason::QuorumLost);
    qdrant_yellow: "qdrant_yellow", qdrant, patient() => Worse(Reason::Optimising);
    qdrant_grey: "qdrant_grey", qdrant, patient() => Serving;
    qdrant_red: "qdrant_red", any_qdrant, patient() => Failing(Reason::CollectionBroken);
    ollama_idle: "ollama_idle", ollama, patient() => Serving;
    ollama_without_its_model: "ollama_idle", other_ollama, patient() => Failing(Reason::ArtifactMissing);
    ollama_without_one_model: "ollama_idle", half_ollama, patient() => Worse(Reason::ArtifactMissing);
    ollama_used: "ollama_used", ollama, patient() => Serving;
    ollama_on_cpu: "ollama_on_cpu", gpu_ollama, patient() => Worse(Reason::GpuLost);
    ollama_on_cpu_where_it_belongs: "ollama_on_cpu", ollama, patient() => Serving;
    ollama_foreign_host: "ollama_foreign_host", ollama, patient() => Unasked(Reason::ProbeConfig);
    llama_loading: "llama_loading", llama, patient() => Loading;
    llama_ok: "llama_ok", llama, patient() => Serving;
    llama_other_model: "llama_ok", other_llama, patient() => Worse(Reason::WrongModel);
    llama_stopped: "llama_stopped", llama, short() => Silent(Silence::TimedOut);
    http_ok: "nginx_ok", page("/healthz"), patient() => Serving;
    http_absent: "vllm_ok", page("/ready"), patient() => Unasked(Reason::ProbeConfig);
    http_no_path: "nginx_ok", page("/a b"), patient() => Unasked(Reason::ProbeConfig);
    http_broken: "redis_ok", page("/"), patient() => Silent(Silence::Broken);
    http_silent: "tcp_accepts_silently", page("/"), short() => Silent(Silence::TimedOut);
    nginx_ok: "nginx_ok", nginx("/healthz"), patient() => Serving;
    nginx_own_page_while_upstream_hangs: "nginx_504", nginx("/healthz"), patient() => Serving;
    nginx_502: "nginx_502", nginx("/v1/models"), patient() => Worse(Reason::UpstreamDown);
    nginx_504: "nginx_504", nginx("/v1/models"), patient() => Worse(Reason::UpstreamDown);
    tcp_accepts_silently: "tcp_accepts_silently", tcp, patient() => Serving;
    tcp_refused: "vllm_loading_then_ok", tcp, patient() => Silent(Silence::Refused);
    pg_password: "pg_password", postgresql, patient() => Serving;
    pg_no_data: "pg_no_data", postgresql, patient() => Failing(Reason::DataMissing);
    pg_starting: "pg_starting", postgresql, patient() => Loading;
    pg_refused: "vllm_loading_then_ok", postgresql, patient() => Silent(Silence::Refused);
    pg_silent: "tcp_accepts_silently", postgresql, short() => Silent(Silence::TimedOut);
    pg_is_something_else: "redis_ok", postgresql, patient() => Silent(Silence::Broken);
    redis_ok: "redis_ok", redis, patient() => Serving;
    redis_noauth: "redis_noauth", redis, patient() => Serving;
    redis_loading: "redis_loading", redis, patient() => Loading;
    redis_silent: "tcp_accepts_silently", redis, short() => Silent(Silence::TimedOut);
    redis_is_something_else: "pg_password", redis, patient() => Silent(Silence::Broken);
}

#[tokio::test]
async fn a_key_opens_and_is_shown_to_nobody() {
    for (scenario, ask) in [("vllm_401", vllm as fn(u16) -> Ask), ("qdrant_locked", qdrant)] {
        let mut right = Asking::of(scenario, ask, patient()).await.with_key("right");
        let mut wrong = Asking::of(scenario, ask, patient()).await.with_key("very-secret");

        assert_eq!(right.found().await, Serving, "{scenario}");
        let reading = wrong.read().await;
        assert_eq!(reading.found, Unasked(Reason::ProbeAuth), "{scenario}");
        assert!(!format!("{reading:?}").contains("very-secret"));
    }
}

#[tokio::test]
async fn a_key_that_is_said_back_is_not_passed_on() {
    let says = Says::json(401, r#"{"error":"very-secret is no key of ours"}"#);
    let scene = Scene::pages("says it back", [Page::new("GET /*", says)]);
    let mut asking = Asking::scenes(vec![scene], qdrant, patient()).await.with_key("very-secret");

    let reading = asking.read().await;

    assert_eq!(reading.evidence.excerpt, "[key] is no key of ours");
}

#[tokio::test]
async fn a_key_goes_only_where_it_is_asked_for() {
    let mut asking = Asking::of("vllm_401", vllm, patient()).await.with_key("right");

    asking.read().await;

    for Asked { what, head, .. } in asking.replay.asked() {
        let has_key = head.contains("authorization: Bearer right");
        assert_eq!(has_key, what.contains("/v1/"), "{what}");
    }
}

#[tokio::test]
async fn a_question_in_a_path_is_not_shown() {
    let ask = page("/healthz?token=very-secret");
    let mut asking = Asking::of("nginx_ok", ask, patient()).await;

    let reading = asking.read().await;

    assert!(reading.evidence.asked.ends_with("/healthz?…"), "{reading:?}");
}

#[tokio::test]
async fn a_page_is_compared_with_what_it_should_be() {
    for (status, contains, found) in [
        (Some(200), Some("ok"), Serving),
        (None, Some("ok"), Serving),
        (None, Some("fine"), Failing(Reason::AnswersError)),
        (Some(204), None, Failing(Reason::AnswersError)),
    ] {
        let ask = |port| Ask::Http {
            port,
            path: "/healthz".into(),
            status,
            contains: contains.map(Into::into),
        };
        let mut asking = Asking::of("nginx_ok", ask, patient()).await;

        assert_eq!(asking.found().await, found, "{status:?} {contains:?}");
    }
}

#[tokio::test]
async fn a_status_says_who_is_at_fault() {
    for (status, wanted, found) in [
        (302, None, Serving),
        (401, None, Unasked(Reason::ProbeAuth)),
        (404, None, Unasked(Reason::ProbeConfig)),
        (404, Some(200), Failing(Reason::AnswersError)),
        (404, Some(404), Serving),
        (429, None, Worse(Reason::Saturated)),
        (500, None, Failing(Reason::AnswersError)),
        (502, Some(200), Worse(Reason::UpstreamDown)),
        (503, None, Failing(Reason::AnswersError)),
        (504, None, Worse(Reason::UpstreamDown)),
    ] {
        let scene = Scene::pages("one status", [Page::new("GET /*", Says::text(status, "why"))]);
        let ask = |port| Ask::Http { port, path: "/".into(), status: wanted, contains: None };
        let mut asking = Asking::scenes(vec![scene], ask, patient()).await;

        assert_eq!(asking.found().await, found, "{status}");
    }
}

#[tokio::test]
async fn what_is_stored_is_looked_at_seldom_while_it_is_well() {
    let mut asking = Asking::of("qdrant_ok", qdrant, patient()).await;
    for _ in 0..4 {
        assert_eq!(asking.found().await, Serving);
    }
    let asked = asking.asked();
    let times = |what: &str| asked.iter().filter(|asked| *asked == what).count();
    assert_eq!((times("GET /collections"), times("GET /collections/c1")), (4, 1));

    asking.replay.play(named("qdrant_empty").unwrap().remove(0)).await.unwrap();

    assert_eq!(asking.found().await, Failing(Reason::DataMissing));
}

#[tokio::test]
async fn a_lost_quorum_is_asked_for_every_time() {
    let mut asking = Asking::of("qdrant_quorum_lost", qdrant, patient()).await;
    for _ in 0..3 {
        assert_eq!(asking.found().await, Failing(Reason::QuorumLost));
    }

    asking.replay.play(named("qdrant_ok").unwrap().remove(0)).await.unwrap();

    assert_eq!(asking.found().await, Serving);
}

#[tokio::test]
async fn a_connection_is_kept_from_one_question_to_the_next() {
    let mut asking = Asking::of("nginx_ok", page("/healthz"), patient()).await;
    assert_eq!(asking.found().await, Serving);

    // A server that takes no new connections answers on the one it has.
    let slammed = Scene { name: "closed", door: Door::Slammed };
    assert_eq!(asking.found().await, Serving);
    asking.replay.play(slammed).await.unwrap();

    assert_eq!(asking.found().await, Silent(Silence::Broken));
    asking.replay.play(named("nginx_ok").unwrap().remove(0)).await.unwrap();
    assert_eq!(asking.found().await, Serving);
}

#[tokio::test]
async fn a_server_that_was_restarted_between_two_questions_was_never_away() {
    for (scenario, ask) in [("nginx_ok", page("/healthz")), ("nginx_504", page("/healthz"))] {
        let mut asking = Asking::of(scenario, ask, patient()).await;
        assert_eq!(asking.found().await, Serving);

        let scenes = named(scenario).unwrap();
        asking.replay.play(Scene::refused("gone")).await.unwrap();
        for scene in scenes {
            asking.replay.play(scene).await.unwrap();
        }

        assert_eq!(asking.found().await, Serving);
    }
    let mut redis = Asking::of("redis_ok", redis, patient()).await;
    assert_eq!(redis.found().await, Serving);
    redis.replay.play(Scene::refused("gone")).await.unwrap();
    redis.replay.play(named("redis_ok").unwrap().remove(0)).await.unwrap();
    assert_eq!(redis.found().await, Serving);
}

#[tokio::test]
async fn what_is_asked_inside_is_not_asked_from_here() {
    let mut asking = Asking::of("nginx_ok", |_| Ask::Inside, patient()).await;

    assert_eq!(asking.found().await, Unasked(Reason::ProbeConfig));
}

#[tokio::test]
async fn a_place_without_a_way_to_it_blames_nobody() {
    let mut asking = Asking::of("nginx_ok", tcp, short()).await;

    // Nobody routes this one.
    let at = IpAddr::from([255, 255, 255, 255]);
    let reading = asking.asker.ask(at, &asking.probe, None, &mut asking.memory).await;

    assert_eq!(reading.found, Unasked(Reason::Unreachable), "{reading:?}");
}
