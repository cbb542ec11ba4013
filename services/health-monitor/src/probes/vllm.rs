//! Asks a vLLM server.
//!
//! Its `/health` knows whether its engine is dead, and not whether it hangs; a token takes seconds when
//! it is busy. So what counts is whether its counters go on, and a token is asked for only where there
//! is no work to be seen.

use phoenix_domain::health::{Found, Progress, Reason};

use super::counters;
use super::memory::{Counts, Notes};
use super::openai;
use super::talk::{self, Finding, Pass, Talk};

/// What its counters say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counters {
    /// Nothing where its statistics are switched off.
    progress: Option<Progress>,
    is_asleep: bool,
}

impl Counters {
    /// Adds up all engines.
    fn read(text: &[u8]) -> Self {
        let mut progress = Progress::default();
        let (mut is_counted, mut states, mut awake) = (false, 0, 0);
        counters::each(text, "vllm:", |sample| match sample.name {
            b"vllm:iteration_tokens_total_count" => {
                is_counted = true;
                progress.done = progress.done.saturating_add(counters::whole(sample.value));
            }
            b"vllm:num_requests_running" => {
                progress.running =
                    progress.running.saturating_add(counters::requests(sample.value));
            }
            b"vllm:num_requests_waiting" => {
                progress.waiting =
                    progress.waiting.saturating_add(counters::requests(sample.value));
            }
            b"vllm:engine_sleep_state" if sample.has("sleep_state", "awake") => {
                states += 1;
                awake += counters::whole(sample.value);
            }
            _ => {}
        });
        Self { progress: is_counted.then_some(progress), is_asleep: states > 0 && awake == 0 }
    }
}

/// Asks whether it lives, what it does, what it offers, and for a token where it does nothing.
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
    let health = talk.get("/health", Pass::None).await?;
    match health.status {
        200..=299 => {}
        503 => return Err(Found::Failing(Reason::EngineDead)),
        other => return Err(talk::by_status(other)),
    }
    let counters = read(talk).await;
    *progress = counters.progress;
    notes.counts = if progress.is_some() { Counts::Yes } else { Counts::No };
    notes.count(*progress);
    if counters.is_asleep {
        talk.note("it was put to sleep");
        return Ok(Found::Worse(Reason::Asleep));
    }
    openai::offers(talk, notes, model).await?;
    match *progress {
        Some(now) if !now.is_idle() => {
            talk.note(&format!(
                "{} running, {} waiting, {} iterations done",
                now.running, now.waiting, now.done
            ));
            Ok(openai::busy(now))
        }
        Some(_) | None => {
            Ok(openai::prove(talk, notes, progress, async |talk| read(talk).await.progress).await)
        }
    }
}

/// Who answers on `/health` and has no counters is judged without them.
async fn read(talk: &mut Talk<'_>) -> Counters {
    match talk.counters(Pass::None).await {
        Ok(answer) if answer.status == 200 => Counters::read(&answer.body),
        Ok(_) | Err(_) => Counters::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_of_all_engines_is_added_up() {
        let text = "\
            vllm:num_requests_running{engine=\"0\",model_name=\"m\"} 4.0\n\
            vllm:num_requests_running{engine=\"1\",model_name=\"m\"} 3.0\n\
            vllm:num_requests_waiting{engine=\"1\"} 2.0\n\
            vllm:num_requests_waiting_by_reason{engine=\"1\",reason=\"capacity\"} 2.0\n\
            vllm:iteration_tokens_total_count{engine=\"0\"} 67.0\n\
            vllm:iteration_tokens_total_count{engine=\"1\"} 1e3\n\
            vllm:engine_sleep_state{engine=\"0\",sleep_state=\"awake\"} 0.0\n\
            vllm:engine_sleep_state{engine=\"1\",sleep_state=\"awake\"} 1.0\n";

        let read = Counters::read(text.as_bytes());

        let progress = Some(Progress { done: 1067, running: 7, waiting: 2 });
        assert_eq!(read, Counters { progress, is_asleep: false });
    }

    #[test]
    fn all_engines_asleep_is_asleep_and_no_counters_are_no_progress() {
        let asleep = "vllm:engine_sleep_state{sleep_state=\"awake\"} 0.0\n\
                      vllm:engine_sleep_state{sleep_state=\"discard_all\"} 1.0\n";

        assert_eq!(Counters::read(asleep.as_bytes()), Counters { progress: None, is_asleep: true });
        assert_eq!(Counters::read(b"python_info 1\n"), Counters::default());
    }
}
