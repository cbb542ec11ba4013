//! Asks a Qdrant server for its collections.
//!
//! `/healthz` is a constant, and `/readyz` says yes with the data gone, in recovery mode and without a
//! quorum. So it is asked for what it should hold, and for one point of it.

use std::fmt::Write as _;

use phoenix_domain::health::{Found, Reason};
use serde::Deserialize;

use super::counters;
use super::memory::Notes;
use super::talk::{self, Finding, Pass, Question, Talk};

/// Where nobody says what it is to hold, this many of its collections are looked at.
const SOME: usize = 16;

#[derive(Deserialize)]
struct Answer<T> {
    result: T,
}

#[derive(Deserialize)]
struct Collections {
    collections: Vec<Name>,
}

#[derive(Deserialize)]
struct Name {
    name: Box<str>,
}

#[derive(Deserialize)]
struct Collection<'a> {
    #[serde(borrow)]
    status: &'a str,
}

/// Asks what it holds, and seldom whether each of that is well.
pub(super) async fn ask(talk: &mut Talk<'_>, notes: &mut Notes, wanted: &[Box<str>]) -> Finding {
    look(talk, notes, wanted).await.unwrap_or_else(|found| found).into()
}

/// `Err` where nothing more is to be learnt.
async fn look(talk: &mut Talk<'_>, notes: &mut Notes, wanted: &[Box<str>]) -> Result<Found, Found> {
    let answer = talk.get("/collections", Pass::ApiKey).await?;
    let Found::Serving = talk::by_status(answer.status) else {
        return Err(talk::by_status(answer.status));
    };
    let Ok(held) = serde_json::from_slice::<Answer<Collections>>(&answer.body) else {
        talk.note("that is no list of collections");
        return Err(Found::Unasked(Reason::ProbeConfig));
    };
    let held = held.result.collections;
    if is_recovering(talk).await? {
        talk.note("it runs in recovery mode");
        return Err(Found::Failing(Reason::RecoveryMode));
    }
    let missing = wanted.iter().find(|wanted| held.iter().all(|held| held.name != **wanted));
    if let Some(missing) = missing {
        // One that joins a cluster learns from the others what it holds. This is all `/readyz` is good for.
        let ready = talk.get("/readyz", Pass::None).await?;
        if ready.status == 503 {
            return Err(Found::Loading);
        }
        talk.note(&format!(
            "of {} collections, none is {missing}, which it should hold",
            held.len()
        ));
        return Err(Found::Failing(Reason::DataMissing));
    }
    if !notes.deep.is_due(talk.pace.deep_every) {
        return Ok(Found::Serving);
    }
    let names: Vec<_> = if wanted.is_empty() {
        held.iter().take(SOME).map(|held| &held.name).collect()
    } else {
        wanted.iter().collect()
    };
    let mut worst = Found::Serving;
    for name in names {
        match collection(talk, name).await {
            Ok(Found::Serving) => {}
            // It serves all the same, and what is worse may still come.
            Ok(other) => worst = other,
            Err(Found::Silent(silence)) => return Err(Found::Silent(silence)),
            Err(found) => return Err(notes.deep.found(found)),
        }
    }
    if worst == Found::Serving {
        notes.deep.is_well();
        return Ok(worst);
    }
    Ok(notes.deep.found(worst))
}

async fn is_recovering(talk: &mut Talk<'_>) -> Result<bool, Found> {
    let told = (talk.asked.clone(), talk.came.clone());
    let answer = talk.counters(Pass::ApiKey).await?;
    if matches!(answer.status, 401 | 403) {
        return Err(talk::by_status(answer.status));
    }
    let mut mode = 0;
    counters::each(&answer.body, "app_status_recovery_mode", |sample| {
        mode += counters::whole(sample.value);
    });
    if mode == 0 {
        (talk.asked, talk.came) = told;
        talk.excerpt.clear();
    }
    Ok(mode > 0)
}

/// `Err` where it does not serve.
async fn collection(talk: &mut Talk<'_>, name: &str) -> Result<Found, Found> {
    let path = format!("/collections/{}", in_a_path(name));
    let answer = talk.get(&path, Pass::ApiKey).await?;
    judge(talk, answer.status, name)?;
    let Ok(collection) = serde_json::from_slice::<Answer<Collection<'_>>>(&answer.body) else {
        talk.note("that is no collection");
        return Err(Found::Unasked(Reason::ProbeConfig));
    };
    let found = match collection.result.status {
        "yellow" => Found::Worse(Reason::Optimising),
        "red" => {
            talk.note(&format!("collection {name} is red"));
            return Err(Found::Failing(Reason::CollectionBroken));
        }
        // Green, and grey, which means that it may optimise and has not begun to.
        _ => Found::Serving,
    };
    // What it says of a collection it knows by heart; a point has to be fetched, in a cluster from others.
    let question = Question {
        path: &format!("{path}/points/scroll"),
        pass: Pass::ApiKey,
        json: Some(r#"{"limit":1,"with_payload":false,"with_vector":false}"#),
        most: talk::PAGE,
        patience: talk.pace.answer,
    };
    let answer = talk.ask(question).await?;
    judge(talk, answer.status, name)?;
    Ok(found)
}

fn judge(talk: &mut Talk<'_>, status: u16, name: &str) -> Result<(), Found> {
    match (talk::by_status(status), status) {
        (Found::Serving, _) => Ok(()),
        (_, 404) => {
            talk.note(&format!("collection {name} is gone"));
            Err(Found::Failing(Reason::DataMissing))
        }
        (Found::Failing(_), _) => {
            talk.note(&format!("collection {name} cannot be read"));
            let said = &talk.excerpt;
            let asked_others = said.contains("unavailable") || said.contains("tcp connect error");
            Err(Found::Failing(if asked_others {
                Reason::QuorumLost
            } else {
                Reason::CollectionBroken
            }))
        }
        (other, _) => Err(other),
    }
}

/// A name may hold anything.
fn in_a_path(name: &str) -> String {
    let mut path = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            path.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            write!(path, "%{byte:02X}").ok();
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_part_of_a_path() {
        assert_eq!(in_a_path("docs-v2_1.~"), "docs-v2_1.~");
        assert_eq!(in_a_path("a/b ü?"), "a%2Fb%20%C3%BC%3F");
    }
}
