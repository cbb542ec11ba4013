//! What a delivery of pushes asks for, and that it stands somewhere before its sender is told so.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use phoenix_bus::{Accepted, Became, Bus, BusError, Later, ToldPush};
use phoenix_domain::{GuestKey, RunId, SourceName};
use phoenix_hooks::{Matched, Push, Rule, matching};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::deploy::{self, Desk};
use super::later::{self, Group};
use super::{Hooks, Refusal};
use crate::asking::Asking;
use crate::error::CommandError;
use crate::serve::pushes::Pushes;
use crate::session;
use crate::words;

/// How much of a name is noted.
const NAME: usize = 80;

/// A delivery of pushes.
pub(super) struct Arrival<'a> {
    pub(super) source: &'a SourceName,
    pub(super) id: &'a str,
    pub(super) at: DateTime<Utc>,
    pub(super) pushes: &'a [Push],
}

/// What its sender is told.
#[derive(Default, Serialize)]
struct Answer<'a> {
    status: &'static str,
    delivery: &'a str,
    /// What was asked for already.
    runs: Vec<RunId>,
    guests: Vec<GuestKey>,
    /// What is asked for when a window opens.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    waits: Vec<Wait>,
    /// What of the configuration is deployed when it has its turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
}

/// A run that waits.
#[derive(Clone, Serialize)]
struct Wait {
    run: RunId,
    /// Absent where it waits for a human.
    until: Option<DateTime<Utc>>,
}

/// What a rule has done for a push.
pub(super) type Hit<'p> = (&'p Push, Matched);

impl Arrival<'_> {
    /// Asks for all it is about, and says so.
    pub(super) async fn accept(&self, hooks: &Hooks, bus: &Bus) -> Result<Response, Refusal> {
        let wanted = self.wanted(hooks);
        let matched = match matches(&hooks.rules, self.pushes, self.at) {
            Ok(matched) => matched,
            Err(_) if wanted.is_some() => Vec::new(),
            Err(why) => {
                let pushes = hooks.pushes.as_deref();
                let elsewhere = self.pushes.iter().find_map(|push| pushes?.is_elsewhere(push));
                let why = elsewhere.unwrap_or(why);
                let became = [Became::Nothing { why: why.clone() }];
                self.note(bus, &became).await.map_err(Refusal::of)?;
                return Ok(super::nothing(self.id, &why));
            }
        };
        let is_due = |(_, matched): &Hit<'_>| matched.opens <= self.at && !matched.approval;
        let (at_once, later): (Vec<_>, Vec<_>) = matched.into_iter().partition(is_due);
        let mut answer = Answer { status: "accepted", delivery: self.id, ..Answer::default() };
        let mut became = Vec::new();
        if !at_once.is_empty() {
            let run = run_of(&format!("{}/{}", self.source, self.id)).map_err(Refusal::Later)?;
            let at_once: Vec<_> = at_once.into_iter().map(|(_, matched)| matched).collect();
            answer.guests = self.do_now(&at_once, &run, hooks, bus).await?;
            let said = words::count(answer.guests.len(), "guest", "guests");
            became.push(Became::Run { run: run.clone(), said });
            answer.runs.push(run);
        }
        if !later.is_empty() {
            answer.waits = self.have_done_later(later, bus).await?;
            let waits = answer.waits.iter().cloned();
            became.extend(waits.map(|Wait { run, until }| Became::Waits { run, until }));
            hooks.later.notify_one();
        }
        if let Some((pushes, push)) = wanted {
            pushes.want(&push).await.map_err(Refusal::of)?;
            became.push(Became::Wanted { until: None, asks: None });
            answer.commit = Some(push.commit);
        }
        // What it asks for stands somewhere; a sender that repeats it is told so.
        self.note(bus, &became).await.map_err(Refusal::of)?;
        Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
    }

    /// Does what rules ask for, and returns the guests.
    async fn do_now(
        &self,
        matched: &[Matched],
        run: &RunId,
        hooks: &Hooks,
        bus: &Bus,
    ) -> Result<Vec<GuestKey>, Refusal> {
        let desk = Desk {
            bus,
            setup: &hooks.setup,
            config: &hooks.config,
            teller: session::teller_of("webhooks", None),
            asking: Asking { run: run.clone(), by: self.by(), trusts_log: false, hold_s: None },
        };
        let orders = deploy::orders(matched);
        Box::pin(desk.deploy(&orders)).await.map_err(Refusal::Later)
    }

    /// Returns what of it is about the repository of the configuration.
    fn wanted<'h>(&self, hooks: &'h Hooks) -> Option<(&'h Pushes, ToldPush)> {
        let pushes = hooks.pushes.as_deref();
        let pushes = pushes.filter(|pushes| pushes.fleet().source == *self.source)?;
        let (push, commit) =
            self.pushes.iter().rev().find_map(|push| Some((push, pushes.commit_of(push)?)))?;
        let by = words::line(push.pusher.as_deref().unwrap_or("somebody"));
        let by = words::shortened(&by, NAME);
        let id = self.id.to_owned();
        Some((pushes, ToldPush { id, at: self.at, commit, by, waits: false }))
    }

    /// Has done what is not done before a window opens, or a human agrees: a run for each.
    async fn have_done_later(&self, hits: Vec<Hit<'_>>, bus: &Bus) -> Result<Vec<Wait>, Refusal> {
        let mut waits = Vec::new();
        for group in later::groups(hits) {
            let window = group.window.clone().unwrap_or_default();
            let window = serde_json::to_value(window).map_err(|err| Refusal::Later(err.into()))?;
            let about = group.about();
            let mut name = format!("{}/{}/{window}", self.source, self.id);
            name.extend(about.iter().flat_map(|about| ["/", about]));
            let run = run_of(&name).map_err(Refusal::Later)?;
            let until = about.is_none().then_some(group.opens);
            bus.do_later(&self.later(run.clone(), window, &group)).await.map_err(Refusal::of)?;
            waits.push(Wait { run, until });
        }
        Ok(waits)
    }

    fn later(&self, run: RunId, window: serde_json::Value, group: &Group<'_>) -> Later {
        let orders = deploy::orders(&group.matched);
        let by = self.by();
        let approval = group.approval(&run, &orders, &by, self.at);
        Later {
            run,
            source: self.source.clone(),
            id: self.id.to_owned(),
            at: self.at,
            by,
            window,
            actions: orders.iter().map(|(vmid, one)| (*vmid, one.action.to_string())).collect(),
            safely: later::written(&orders),
            approval,
        }
    }

    /// Notes what became of it, beside what was noted of its parts meanwhile.
    async fn note(&self, bus: &Bus, became: &[Became]) -> Result<(), BusError> {
        let commit = self.pushes.iter().find_map(|push| push.after.as_ref());
        let commit = commit.map(|commit| commit.as_str().to_owned());
        let change = |there: Option<Accepted>| {
            let there = there.filter(|there| there.at == self.at);
            let there = there.unwrap_or_else(|| Accepted::fresh(self.at, None));
            let Accepted { became: meanwhile, decided, .. } = there;
            let is_open = |one: &&Became| match one {
                Became::Wanted { .. } => meanwhile.is_empty(),
                Became::Run { .. }
                | Became::Nothing { .. }
                | Became::Refused { .. }
                | Became::Waits { .. } => true,
            };
            let became = became.iter().filter(is_open).chain(&meanwhile).cloned().collect();
            Accepted { became, decided, ..Accepted::fresh(self.at, commit.clone()) }
        };
        bus.note_delivery(self.source, self.id, change).await
    }

    /// Says who asks: whoever pushed, as the source tells it.
    fn by(&self) -> String {
        let who = self.pushes.iter().find_map(|push| push.pusher.as_deref());
        who.map_or_else(|| self.source.to_string(), |who| format!("{who} by {}", self.source))
    }
}

fn matches<'p>(
    rules: &[Rule],
    pushes: &'p [Push],
    now: DateTime<Utc>,
) -> Result<Vec<Hit<'p>>, String> {
    let (mut matched, mut why) = (Vec::new(), Vec::new());
    for push in pushes {
        match matching(rules, push, now) {
            Ok(more) => matched.extend(more.into_iter().map(|one| (push, one))),
            Err(nothing) => why.push(nothing.to_string()),
        }
    }
    if matched.is_empty() { Err(why.join("; ")) } else { Ok(matched) }
}

/// Returns the run of what is called like this: always the same one.
pub(in crate::serve) fn run_of(name: &str) -> Result<RunId, CommandError> {
    let digest: [u8; 32] = Sha256::digest(name).into();
    let half = digest.first_chunk().map_or(0, |half| u128::from_be_bytes(*half));
    format!("r-{half:032x}").parse().map_err(CommandError::NoRunId)
}
