//! Asks the server of llama.cpp.
//!
//! While it is busy, requests hold all its threads and even `/health` has to wait; its counters are
//! answered all the same, and tell a busy one from one that hangs.

use phoenix_domain::health::{Found, Progress, Reason, Silence};

use super::counters;
use super::memory::{Counts, Notes};
use super::openai;
use super::talk::{self, Finding, Pass, Question, Talk};

fn progress_in(text: &[u8]) -> Option<Progress> {
    let mut progress = Progress::default();
    let mut is_counted = false;
    counters::each(text, "llamacpp:", |sample| match sample.name {
        // What is decoded at once counts at once; tokens count when their request is over.
        b"llamacpp:n_decode_total"
        | b"llamacpp:prompt_tokens_total"
        | b"llamacpp:tokens_predicted_total" => {
            is_counted = true;
            progress.done = progress.done.saturating_add(counters::whole(sample.value));
        }
        b"llamacpp:requests_processing" => progress.running = counters::requests(sample.value),
        b"llamacpp:requests_deferred" => progress.waiting = counters::requests(sample.value),
        _ => {}
    });
    is_counted.then_some(progress)
}

/// Asks whether it is ready, what it does, what it offers, and for a token where it does nothing.
pub(super) async fn ask(talk: &mut Talk<'_>, notes: &mut Notes, model: Option<&str>) -> Finding {
    let mut progress = None;
    let found = look(talk, notes, model, &mut progress).await.unwrap_or_else(|found| found);
    Finding { found, progress }
}

/// `Err` where nothing more is to be learnt.
async fn look(
    talk: &mut Talk<'_>,
    notes: &mut Notes,
    model: Option<&str>,
    progress: &mut Option<Progress>,
) -> Result<Found, Found> {
    match talk.get("/health", Pass::None).await {
        Ok(answer) => match answer.status {
            200..=299 => {}
            503 if talk.excerpt.contains("Loading model") => return Err(Found::Loading),
            other => return Err(talk::by_status(other)),
        },
        Err(Found::Silent(Silence::TimedOut)) => {
            return Err(busy_or_silent(talk, notes, progress).await);
        }
        Err(found) => return Err(found),
    }
    if notes.counts != Counts::No || notes.inventory.is_due(talk.pace.inventory_every) {
        *progress = read(talk, notes).await?;
    }
    notes.count(*progress);
    openai::offers(talk, notes, model).await?;
    match *progress {
        Some(now) if !now.is_idle() => {
            talk.note(&format!("{} running, {} waiting", now.running, now.waiting));
            Ok(openai::busy(now))
        }
        Some(_) | None => {
            let again = async |talk: &mut Talk<'_>| {
                let counters = talk.counters(Pass::Bearer).await.ok()?;
                progress_in(&counters.body)
            };
            Ok(openai::prove(talk, notes, progress, again).await)
        }
    }
}

/// Its counters are answered by what does the work; so who counts and does not answer hangs.
async fn read(talk: &mut Talk<'_>, notes: &mut Notes) -> Result<Option<Progress>, Found> {
    match talk.counters(Pass::Bearer).await {
        Ok(answer) if answer.status == 200 => {
            notes.counts = Counts::Yes;
            Ok(progress_in(&answer.body))
        }
        Ok(answer) if matches!(answer.status, 401 | 403) => Err(talk::by_status(answer.status)),
        Ok(_) => {
            notes.counts = Counts::No;
            Ok(None)
        }
        Err(found) if notes.counts == Counts::Yes => Err(found),
        Err(_) => Ok(None),
    }
}

/// Who does not say how it is in time may be at work.
async fn busy_or_silent(
    talk: &mut Talk<'_>,
    notes: &mut Notes,
    progress: &mut Option<Progress>,
) -> Found {
    let told = (talk.asked.clone(), talk.came.clone());
    // A thread is free as soon as one of its requests is over, and no sooner.
    let patience = talk.pace.token;
    let question = Question {
        path: "/metrics",
        pass: Pass::Bearer,
        json: None,
        most: talk::COUNTERS,
        patience,
    };
    let counters = talk.ask(question).await;
    *progress = counters.ok().and_then(|answer| progress_in(&answer.body));
    (talk.asked, talk.came) = told;
    talk.excerpt.clear();
    notes.last = *progress;
    match *progress {
        Some(now) => {
            talk.note(&format!(
                "but it counts: {} running, {} waiting, {} done",
                now.running, now.waiting, now.done
            ));
            Found::Worse(Reason::Saturated)
        }
        None => Found::Silent(Silence::TimedOut),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_decoded_and_what_came_of_it_is_progress() {
        let text = "llamacpp:prompt_tokens_total 5\nllamacpp:tokens_predicted_total 301\n\
            llamacpp:tokens_predicted_seconds_total 24.9621\nllamacpp:n_decode_total 216\n\
            llamacpp:requests_processing 2\nllamacpp:requests_deferred 16\n";

        let progress = progress_in(text.as_bytes());

        assert_eq!(progress, Some(Progress { done: 522, running: 2, waiting: 16 }));
        assert_eq!(progress_in(b"# nothing"), None);
    }
}
