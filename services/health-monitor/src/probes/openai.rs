//! What the servers of language models have in common: a list of models, and a token.

use phoenix_domain::health::{Found, Progress, Reason, Silence};
use serde::Deserialize;
use serde_json::json;

use super::memory::Notes;
use super::talk::{self, Pass, Question, Talk};

/// More than this waits, and more than is worked on: then it is busy beyond its limit. How long it may
/// be so is decided elsewhere.
const WAITING: u32 = 8;

#[derive(Deserialize)]
struct Models {
    data: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: Box<str>,
    #[serde(default)]
    aliases: Vec<Box<str>>,
}

/// Looks whether the model that is wanted is offered; `Err` says what is wrong. It is seldom looked
/// while that is well.
pub(super) async fn offers(
    talk: &mut Talk<'_>,
    notes: &mut Notes,
    wanted: Option<&str>,
) -> Result<(), Found> {
    if !notes.inventory.is_due(talk.pace.inventory_every) {
        return Ok(());
    }
    let answer = talk.get("/v1/models", Pass::Bearer).await?;
    let found = talk::by_status(answer.status);
    let found = if found != Found::Serving {
        found
    } else if let Ok(models) = serde_json::from_slice::<Models>(&answer.body) {
        compare(talk, notes, wanted, models)
    } else {
        talk.note("that is no list of models");
        Found::Unasked(Reason::ProbeConfig)
    };
    if found == Found::Serving {
        notes.inventory.is_well();
        return Ok(());
    }
    Err(notes.inventory.found(found))
}

fn compare(talk: &mut Talk<'_>, notes: &mut Notes, wanted: Option<&str>, models: Models) -> Found {
    let mut offered = models.data;
    let model = match wanted {
        Some(wanted) => {
            let is_wanted = |model: &Model| {
                &*model.id == wanted || model.aliases.iter().any(|alias| &**alias == wanted)
            };
            if !offered.iter().any(is_wanted) {
                let ids: Vec<_> = offered.iter().map(|model| &*model.id).collect();
                let offered = if ids.is_empty() { "nothing".into() } else { ids.join(", ") };
                talk.note(&format!("it offers {offered}, and should offer {wanted}"));
                return Found::Worse(Reason::WrongModel);
            }
            Some(Box::from(wanted))
        }
        None if offered.is_empty() => None,
        None => Some(offered.swap_remove(0).id),
    };
    if notes.model != model {
        notes.model = model;
        notes.is_tokenless = false;
        notes.token.forget();
    }
    Found::Serving
}

/// What came of asking for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// It came.
    Came,
    /// It did not come in time. That may mean that others are served first.
    Late,
    /// Something else came.
    Instead(Found),
    /// Nobody makes tokens in this way there.
    Never,
}

/// Asks for one token. When it does not come in time, hanging up takes the question back.
pub(super) async fn token(talk: &mut Talk<'_>, model: &str) -> Token {
    let wish = json!({ "model": model, "prompt": "ping", "max_tokens": 1, "temperature": 0 });
    let question = Question {
        path: "/v1/completions",
        pass: Pass::Bearer,
        json: Some(&wish.to_string()),
        most: talk::PAGE,
        patience: talk.pace.token,
    };
    let answer = match talk.ask(question).await {
        Ok(answer) => answer,
        Err(Found::Silent(Silence::TimedOut)) => return Token::Late,
        Err(found) => return Token::Instead(found),
    };
    match answer.status {
        200..=299 => Token::Came,
        // It knows its models, and not this one any more.
        404 if talk.excerpt.contains(model) => Token::Instead(Found::Worse(Reason::WrongModel)),
        // A model for other things: embeddings, chat alone.
        400 | 404 | 405 | 422 | 501 => Token::Never,
        500 if talk.excerpt.contains("Engine") => {
            Token::Instead(Found::Failing(Reason::EngineDead))
        }
        other => Token::Instead(talk::by_status(other)),
    }
}

/// Returns what a service that has work is like.
pub(super) fn busy(progress: Progress) -> Found {
    if progress.waiting > progress.running.max(WAITING) {
        Found::Worse(Reason::Saturated)
    } else {
        Found::Serving
    }
}

/// Says whether it is time to ask for a token, and whom.
pub(super) fn whom_to_ask(talk: &Talk<'_>, notes: &Notes) -> Option<Box<str>> {
    let is_due = !notes.is_tokenless && notes.token.is_due(talk.pace.token_every);
    notes.model.clone().filter(|_| is_due)
}

/// Asks for a token where it is time to. `again` reads the counters anew, if there are any: a token may be
/// late because others came first, and then something has moved.
pub(super) async fn prove(
    talk: &mut Talk<'_>,
    notes: &mut Notes,
    progress: &mut Option<Progress>,
    again: impl AsyncFnOnce(&mut Talk<'_>) -> Option<Progress>,
) -> Found {
    let Some(model) = whom_to_ask(talk, notes) else { return Found::Serving };
    match token(talk, &model).await {
        Token::Came => {
            notes.token.is_well();
            Found::Serving
        }
        Token::Never => {
            notes.is_tokenless = true;
            notes.token.is_well();
            talk.note("its model makes no tokens in this way, so none is asked for");
            Found::Serving
        }
        Token::Instead(found) => {
            if found == Found::Worse(Reason::WrongModel) {
                notes.inventory.forget();
            }
            notes.token.found(found)
        }
        Token::Late => {
            let told = (talk.asked.clone(), talk.came.clone());
            let before = progress.map(|progress| progress.done);
            let after = again(talk).await;
            (talk.asked, talk.came) = told;
            *progress = after.or(*progress);
            match (before, after) {
                (Some(before), Some(after)) if after.done != before => {
                    notes.token.is_well();
                    talk.note("and its counters go on: it is busy");
                    busy(after)
                }
                (Some(_), Some(_)) => {
                    talk.note("and its counters stand still");
                    notes.token.found(Found::Failing(Reason::Hung))
                }
                (None, _) | (_, None) => notes.token.found(Found::Silent(Silence::TimedOut)),
            }
        }
    }
}
