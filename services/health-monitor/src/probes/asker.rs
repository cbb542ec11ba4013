//! Asks an endpoint what its probe wants to know.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use phoenix_domain::health::{Ask, Evidence, Found, Probe, Reading, Reason, Silence};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

use super::clock::Clock;
use super::excerpt;
use super::memory::Memory;
use super::pace::Pace;
use super::talk::{Finding, Talk};
use super::way::{Place, Way};
use super::{http, llamacpp, nginx, ollama, postgresql, qdrant, redis, tcp, vllm};

/// Asks endpoints. It holds nothing of any of them.
#[derive(Clone, Debug)]
pub struct Asker {
    clock: Clock,
    pace: Pace,
    way: Way,
}

impl Asker {
    /// Returns one that tells the time by this clock.
    pub fn new(clock: Clock, pace: Pace) -> Self {
        Self { clock, pace, way: Way::Here }
    }

    /// Returns the same that goes this way.
    #[must_use]
    pub fn by(self, way: Way) -> Self {
        Self { way, ..self }
    }

    /// Returns the time by its clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Asks a service at this address what the probe wants to know. Every question has an end, and so
    /// has this. `key` is shown to nobody but the service.
    pub async fn ask(
        &self,
        at: IpAddr,
        probe: &Probe,
        key: Option<&SecretString>,
        memory: &mut Memory,
    ) -> Reading {
        let begun = Instant::now();
        let Some(port) = probe.ask.port() else {
            let why = "not asked: the worker asks that, inside the guest";
            return self.unasked(probe, Reason::ProbeConfig, why);
        };
        let place = Place { at: SocketAddr::new(at, port), way: &self.way };
        let (line, notes) = memory.parts();
        let mut talk = Talk::new(place, line, key, &self.pace);
        let finding: Finding = match &probe.ask {
            Ask::Vllm { model, .. } => vllm::ask(&mut talk, notes, model.as_deref()).await,
            Ask::Qdrant { collections, .. } => qdrant::ask(&mut talk, notes, collections).await,
            Ask::Ollama { models, needs_gpu, .. } => {
                ollama::ask(&mut talk, notes, &self.clock, models, *needs_gpu).await
            }
            Ask::LlamaCpp { model, .. } => llamacpp::ask(&mut talk, notes, model.as_deref()).await,
            Ask::Http { path, status, contains, .. } => {
                http::ask(&mut talk, path, *status, contains.as_deref()).await.into()
            }
            Ask::Tcp { .. } => tcp::ask(&mut talk).await.into(),
            Ask::Postgresql { .. } => postgresql::ask(&mut talk).await.into(),
            Ask::Redis { .. } => redis::ask(&mut talk).await.into(),
            Ask::Nginx { path, .. } => nginx::ask(&mut talk, path).await.into(),
            Ask::Docker { .. } | Ask::Inside => Found::Unasked(Reason::ProbeConfig).into(),
        };
        let evidence = Evidence {
            asked: shown(&talk.asked, key),
            came: shown(&talk.came, key),
            excerpt: shown(&talk.excerpt, key),
            took_ms: millis(begun.elapsed()),
        };
        if let Found::Silent(Silence::Refused | Silence::Broken) = finding.found {
            memory.was_silent();
        }
        let Finding { found, progress } = finding;
        Reading { at: self.clock.now(), found, progress, evidence }
    }

    /// Returns a reading of what could not be asked, and why not.
    pub fn unasked(&self, probe: &Probe, reason: Reason, why: &str) -> Reading {
        let evidence =
            Evidence { asked: probe.ask.to_string(), came: why.to_owned(), ..Evidence::default() };
        let found = Found::Unasked(reason);
        Reading { at: self.clock.now(), found, progress: None, evidence }
    }
}

/// A server may say the key back to whoever showed it.
fn shown(text: &str, key: Option<&SecretString>) -> String {
    match key.map(SecretString::expose_secret) {
        Some(key) if !key.is_empty() && text.contains(key) => {
            excerpt::cut(&text.replace(key, "[key]"))
        }
        Some(_) | None => excerpt::cut(text),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
