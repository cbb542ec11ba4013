//! The guests of a row: servers that are well, then not, and perhaps well again.

use std::sync::mpsc;
use std::time::Duration;

use phoenix_domain::health::Rung;
use phoenix_replay::{Door, Page, Replay, Says, Scene, named};
use tokio::time::{Instant, sleep_until};

use super::fault::Fault;
use super::row::Wanted;

/// The time from one question to a service to the next.
const PERIOD: Duration = Duration::from_secs(10);
/// How long all is well at first.
const BEFORE: Duration = Duration::from_mins(2);
/// How long a row goes on after its fault began.
pub(crate) const AFTER: Duration = Duration::from_mins(40);
/// How long a repair takes.
const REPAIR: Duration = Duration::from_secs(5);

/// The guests of a row.
pub(crate) struct Stage<'f> {
    fault: &'f Fault,
    begun: Instant,
    next: Instant,
    servers: Vec<Replay>,
    /// Whether the fault is there now.
    is_sick: bool,
    /// When each guest was mended for good.
    mended: Vec<Option<Instant>>,
    round: u32,
}

impl<'f> Stage<'f> {
    pub(crate) async fn set(fault: &'f Fault) -> Self {
        let mut servers = Vec::new();
        for _ in 0..fault.guests {
            servers.push(Replay::start(vec![first(fault.service.well)]).await.unwrap());
        }
        let now = Instant::now();
        let mended = vec![None; servers.len()];
        Self { fault, begun: now, next: now, servers, is_sick: false, mended, round: 0 }
    }

    /// Goes on to the next round of questions, and says whether there is one.
    pub(crate) async fn next(&mut self) -> bool {
        self.next += PERIOD;
        sleep_until(self.next).await;
        self.round += 1;
        let since = self.begun.elapsed();
        let ends = BEFORE + self.fault.lasts.unwrap_or(AFTER);
        let was_sick = self.is_sick;
        self.is_sick = (BEFORE..ends).contains(&since);
        let every_other = self.fault.comes_and_goes && self.is_sick;
        for (nth, server) in self.servers.iter_mut().enumerate() {
            if self.mended[nth].is_some() {
                continue;
            }
            if every_other && self.round.is_multiple_of(2) {
                server.play(first(self.fault.service.well)).await.unwrap();
            } else if self.is_sick && (!was_sick || every_other) {
                server.play((self.fault.scene)()).await.unwrap();
            } else if was_sick && !self.is_sick {
                server.play(first(self.fault.service.well)).await.unwrap();
            }
        }
        since < BEFORE + AFTER
    }

    /// Returns for how many seconds the fault has been there.
    pub(crate) fn seconds(&self) -> i64 {
        let since = self.begun.elapsed().saturating_sub(BEFORE);
        i64::try_from(since.as_secs()).unwrap()
    }

    pub(crate) fn is_sick(&self) -> bool {
        self.is_sick
    }

    pub(crate) fn port(&self, nth: usize) -> u16 {
        self.servers[nth].at().port()
    }

    /// Says whether this guest is sick now.
    pub(crate) fn ails(&self, nth: usize) -> bool {
        self.is_sick && self.mended[nth].is_none()
    }

    /// Repairs a guest, which helps where it is the right repair, and says whether it did.
    pub(crate) async fn repair(&mut self, nth: usize, how: Rung) -> bool {
        tokio::time::advance(REPAIR).await;
        if self.fault.wanted != Wanted::Rung(how) {
            return false;
        }
        self.mended[nth] = Some(Instant::now());
        self.servers[nth].play(first(self.fault.service.well)).await.unwrap();
        true
    }

    /// Asks a guest something. Time stands still until there is an answer, or nobody is going to
    /// give one.
    pub(crate) async fn ask<T>(&self, nth: usize, question: impl Future<Output = T>) -> T {
        let (answered, is_answered) = mpsc::channel::<()>();
        // While a thread is at work, virtual time does not pass by itself.
        let hold = tokio::task::spawn_blocking(move || is_answered.recv().ok());
        let mut question = std::pin::pin!(question);
        let answer = tokio::select! {
            biased;
            answer = &mut question => Some(answer),
            () = self.servers[nth].lets_wait() => None,
        };
        drop(answered);
        hold.await.unwrap();
        match answer {
            Some(answer) => answer,
            None => question.await,
        }
    }
}

/// Returns the first scene of a scenario.
pub(crate) fn first(scenario: &str) -> Scene {
    nth(scenario, 0)
}

pub(crate) fn nth(scenario: &str, nth: usize) -> Scene {
    let mut scene = named(scenario).unwrap_or_else(|| panic!("{scenario}")).remove(nth);
    if scenario.starts_with("ollama")
        && let Door::Pages(pages) = &mut scene.door
    {
        // As the source has it, whatever else is wrong.
        pages.push(Page::new("GET /", Says::text(200, "Ollama is running")));
    }
    scene
}

/// Returns a scene whose counters go on from one question to the next, as those of who works do.
pub(crate) fn at_work(scenario: &str, counters: &[&str]) -> Scene {
    /// More than are ever asked for in a row.
    const ROUNDS: u64 = 1000;
    let mut scene = first(scenario);
    let Door::Pages(pages) = &mut scene.door else { panic!("{scenario} has no pages") };
    for page in pages.iter_mut().filter(|page| page.asked == "GET /metrics") {
        let Some(Says::Answer { status, kind, body }) = page.says.last().cloned() else {
            panic!("{scenario} has no counters")
        };
        let count = |line: &str, round: u64| match line.rsplit_once(' ') {
            Some((name, number)) if counters.iter().any(|counter| name.starts_with(counter)) => {
                let number: f64 = number.parse().unwrap();
                format!("{name} {}\n", number + f64::from(u32::try_from(round).unwrap()) * 40.0)
            }
            Some(_) | None => format!("{line}\n"),
        };
        let text = |round| body.lines().map(|line| count(line, round)).collect::<String>();
        let says = (0..ROUNDS).map(|round| Says::Answer { status, kind, body: text(round).into() });
        page.says = says.collect();
    }
    scene
}
