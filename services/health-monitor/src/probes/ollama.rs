//! Asks an Ollama server, without keeping any of its models loaded.
//!
//! Nothing loaded is well: a model is loaded when somebody wants it, and goes when nobody does. Every
//! token keeps it for as long again, so one is asked for only of a model that others use, and seldom.
//! Whoever hangs up while a model is loaded ends that, so on a token nobody hangs up.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use phoenix_domain::health::{Found, Progress, Reason, Silence};
use serde::Deserialize;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;

use super::clock::Clock;
use super::http1::{self, Answer};
use super::memory::{Notes, Pending};
use super::talk::{self, Finding, Pass, Question, Talk};
use super::wire::{self, Trouble};

#[derive(Deserialize)]
struct Models {
    models: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    name: Box<str>,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    size_vram: u64,
    #[serde(default)]
    expires_at: Box<str>,
}

/// Asks what it has loaded, seldom what it has, and more seldom for a token.
pub(super) async fn ask(
    talk: &mut Talk<'_>,
    notes: &mut Notes,
    clock: &Clock,
    wanted: &[Box<str>],
    needs_gpu: bool,
) -> Finding {
    let found = look(talk, notes, clock, wanted, needs_gpu).await.unwrap_or_else(|found| found);
    Finding { found, progress: notes.last }
}

/// `Err` where nothing more is to be learnt.
async fn look(
    talk: &mut Talk<'_>,
    notes: &mut Notes,
    clock: &Clock,
    wanted: &[Box<str>],
    needs_gpu: bool,
) -> Result<Found, Found> {
    let loaded = list(talk, "/api/ps").await?;
    let used = compare(notes, clock, &loaded);
    offers(talk, notes, wanted).await?;
    let away = loaded.iter().find(|model| model.size_vram < model.size);
    if let (true, Some(model)) = (needs_gpu, away) {
        talk.note(&format!(
            "{} of {} bytes of {} are on the GPU",
            model.size_vram, model.size, model.name
        ));
        return Ok(Found::Worse(Reason::GpuLost));
    }
    if notes.pending.is_some() {
        return Ok(pending(talk, notes).await);
    }
    if loaded.is_empty() {
        // The next one who wants something makes it load anew, which mends what can be mended.
        notes.token = super::memory::Seldom::default();
        return Ok(Found::Serving);
    }
    let again = loaded.first().filter(|_| notes.token.is_not_well());
    let Some(model) = used.or(again) else { return Ok(Found::Serving) };
    if notes.is_tokenless || !notes.token.is_due(talk.pace.ollama_token_every) {
        return Ok(Found::Serving);
    }
    Ok(token(talk, notes, &model.name).await)
}

async fn list(talk: &mut Talk<'_>, path: &str) -> Result<Vec<Model>, Found> {
    let answer = match talk.get(path, Pass::Bearer).await {
        Ok(answer) => answer,
        Err(found) => {
            if found == Found::Silent(Silence::Refused) {
                talk.note("where OLLAMA_HOST is not set it listens on 127.0.0.1 alone");
            }
            return Err(found);
        }
    };
    let found = match answer.status {
        403 => {
            talk.note("it listens on 127.0.0.1 alone and was asked by another name");
            Found::Unasked(Reason::ProbeConfig)
        }
        503 => Found::Worse(Reason::Saturated),
        other => talk::by_status(other),
    };
    if found != Found::Serving {
        return Err(found);
    }
    serde_json::from_slice::<Models>(&answer.body).map(|list| list.models).map_err(|_| {
        talk.note("that is no list of models");
        Found::Unasked(Reason::ProbeConfig)
    })
}

/// Compares until when the models stay with what was said before, and returns one that somebody else
/// uses. Whoever has got an answer has put it off: that is progress.
fn compare<'a>(notes: &mut Notes, clock: &Clock, loaded: &'a [Model]) -> Option<&'a Model> {
    let before = notes.expires.take().unwrap_or_default();
    let mut now = String::new();
    let mut has_moved = false;
    let mut used = None;
    for model in loaded {
        let (name, expires) = (&model.name, &model.expires_at);
        let entry = |expires: &str| format!("{name}={expires};");
        // Writing to a string does not fail.
        write!(now, "{}", entry(expires)).ok();
        let is_known = before.contains(&format!("{name}="));
        let moved = is_known && !before.contains(&entry(expires));
        has_moved |= moved;
        // One that should be gone and is not is at work; one that stays for good is not kept by us.
        let is_kept = DateTime::parse_from_rfc3339(expires).is_ok_and(|expires| {
            let left = expires.to_utc() - clock.now();
            left < -TimeDelta::minutes(1) || left > TimeDelta::days(365)
        });
        if is_known && (moved || is_kept) {
            used = used.or(Some(model));
        }
    }
    notes.expires = Some(now.into());
    let mut progress = notes.last.unwrap_or_default();
    progress.done += u64::from(has_moved);
    notes.last = Some(Progress { running: u32::from(notes.pending.is_some()), ..progress });
    used
}

/// Looks whether it has what it should; `Err` says what is wrong.
async fn offers(talk: &mut Talk<'_>, notes: &mut Notes, wanted: &[Box<str>]) -> Result<(), Found> {
    if wanted.is_empty() || !notes.inventory.is_due(talk.pace.inventory_every) {
        return Ok(());
    }
    let models = list(talk, "/api/tags").await?;
    let has = |wanted: &str| {
        models.iter().any(|model| {
            let name = &*model.name;
            name == wanted || name.strip_suffix(":latest") == Some(wanted)
        })
    };
    let missing: Vec<_> = wanted.iter().filter(|wanted| !has(wanted)).map(|name| &**name).collect();
    if missing.is_empty() {
        notes.inventory.is_well();
        return Ok(());
    }
    talk.note(&format!("it does not have {}", missing.join(", ")));
    Err(notes.inventory.found(if missing.len() == wanted.len() {
        Found::Failing(Reason::ArtifactMissing)
    } else {
        Found::Worse(Reason::ArtifactMissing)
    }))
}

/// Asks for a token, on a connection of its own. Nothing is said of how long to keep the model: that
/// would replace what its operator wants.
async fn token(talk: &mut Talk<'_>, notes: &mut Notes, model: &str) -> Found {
    let wish = json!({
        "model": model, "prompt": "ping", "stream": false, "options": { "num_predict": 1 },
    });
    let question = Question {
        path: "/api/generate",
        pass: Pass::Bearer,
        json: Some(&wish.to_string()),
        most: talk::PAGE,
        patience: talk.pace.token,
    };
    let request = match talk.request(question) {
        Ok(request) => request,
        Err(found) => return found,
    };
    let at = talk.at;
    let sent = wire::within(talk.pace.answer, async {
        let mut line = wire::connect(at).await?;
        line.write_all(&request).await.map_err(|_| Trouble::HungUp)?;
        Ok(line)
    });
    match sent.await {
        Ok(line) => {
            let asked = Pending { line, since: Instant::now(), heard: Vec::new() };
            wait(talk, notes, Box::new(asked), talk.pace.token).await
        }
        Err(trouble) => {
            let found = talk.unanswered(&trouble);
            notes.token.found(found)
        }
    }
}

async fn pending(talk: &mut Talk<'_>, notes: &mut Notes) -> Found {
    let Some(asked) = notes.pending.take() else { return Found::Serving };
    talk.asked = format!("POST http://{}/api/generate", talk.at);
    // What has come meanwhile lies ready.
    wait(talk, notes, asked, Duration::ZERO).await
}

/// Waits for the token, and keeps the connection when it does not come.
async fn wait(
    talk: &mut Talk<'_>,
    notes: &mut Notes,
    mut asked: Box<Pending>,
    patience: Duration,
) -> Found {
    let Pending { line, heard, since } = &mut *asked;
    let waited = since.elapsed();
    match wire::within(patience, http1::go_on(line, heard, talk::PAGE)).await {
        Ok(answer) => {
            talk.answered(&answer);
            judge(talk, notes, &answer)
        }
        Err(Trouble::TimedOut(_)) => {
            talk.came = format!("no token within {:?} so far", waited.max(patience));
            notes.pending = Some(asked);
            if waited < talk.pace.ollama_load {
                // It may be loading, for as long as it takes.
                Found::Worse(Reason::Saturated)
            } else {
                Found::Failing(Reason::Hung)
            }
        }
        Err(trouble) => {
            let found = talk.unanswered(&trouble);
            notes.token.found(found)
        }
    }
}

fn judge(talk: &mut Talk<'_>, notes: &mut Notes, answer: &Answer) -> Found {
    let found = match answer.status {
        200..=299 => Found::Serving,
        400 => {
            talk.note("its model makes no tokens, so none is asked for");
            notes.is_tokenless = true;
            Found::Serving
        }
        404 => Found::Worse(Reason::ArtifactMissing),
        499 | 503 => Found::Worse(Reason::Saturated),
        other => talk::by_status(other),
    };
    if found == Found::Serving {
        notes.token.is_well();
        return found;
    }
    notes.token.found(found)
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;

    fn model(expires_at: &str) -> Vec<Model> {
        vec![Model {
            name: "m:latest".into(),
            size: 1,
            size_vram: 1,
            expires_at: expires_at.into(),
        }]
    }

    fn at(clock: &Clock, minutes: i64) -> String {
        (clock.now() + TimeDelta::minutes(minutes)).to_rfc3339()
    }

    #[tokio::test]
    async fn only_a_model_that_others_use_is_asked_for_a_token() {
        let clock = Clock::starting(Utc::now());
        let (soon, later) = (model(&at(&clock, 4)), model(&at(&clock, 5)));
        let mut notes = Notes::default();

        // Nothing is known of a new one; it may be loading.
        assert!(compare(&mut notes, &clock, &soon).is_none());
        assert!(compare(&mut notes, &clock, &soon).is_none(), "nobody uses it");
        assert_eq!(notes.last.unwrap().done, 0);
        assert!(compare(&mut notes, &clock, &later).is_some(), "somebody used it");
        assert_eq!(notes.last.unwrap().done, 1);
        assert!(compare(&mut notes, &clock, &later).is_none(), "nobody uses it any more");
    }

    #[tokio::test]
    async fn a_model_that_should_be_gone_or_stays_for_good_may_be_asked() {
        let clock = Clock::starting(Utc::now());
        for minutes in [-10, 300 * 365 * 24 * 60] {
            let loaded = model(&at(&clock, minutes));
            let mut notes = Notes::default();

            compare(&mut notes, &clock, &loaded);
            assert!(compare(&mut notes, &clock, &loaded).is_some(), "{minutes}");
        }
    }
}
