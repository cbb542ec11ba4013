//! What a delivery of pushes asks for, and that it stands somewhere before its sender is told so.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use phoenix_bus::{Accepted, Became, Bus, BusError, Errand, Later, ToldPush};
use phoenix_domain::{RunId, SourceName, TraceParent, Vmid};
use phoenix_hooks::{Matched, Push, Rule, matching};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::later::{self, Group};
use super::ours::DeliveryName;
use super::{Hooks, Refusal, deploy, errand};
use crate::error::CommandError;
use crate::serve::pushes::Pushes;
use crate::words;

/// How much of a name is noted.
const NAME: usize = 80;

/// A delivery of pushes.
pub(super) struct Arrival<'a> {
    pub(super) source: &'a SourceName,
    pub(super) id: &'a str,
    pub(super) at: DateTime<Utc>,
    pub(super) pushes: &'a [Push],
    /// The trace its sender told it in; absent where that is for us to begin.
    pub(super) trace: Option<TraceParent>,
}

/// What its sender is told.
#[derive(Default, Serialize)]
struct Answer<'a> {
    status: &'static str,
    delivery: &'a str,
    /// What is asked for at once.
    runs: Vec<RunId>,
    /// The guests that this is about.
    guests: Vec<Vmid>,
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
    /// Has all done that it is about, and says so.
    pub(super) async fn accept(&self, hooks: &Hooks, bus: &Bus) -> Result<Response, Refusal> {
        let wanted = self.wanted(hooks);
        let (at_once, later, why) = match matches(&hooks.rules, self.pushes, self.at) {
            Ok(matched) => {
                let is_due = |(_, matched): &Hit<'_>| matched.opens <= self.at && !matched.approval;
                let (at_once, later): (Vec<_>, Vec<_>) = matched.into_iter().partition(is_due);
                (at_once, later, None)
            }
            Err(why) => (Vec::new(), Vec::new(), Some(why)),
        };
        let mut answer = Answer { status: "accepted", delivery: self.id, ..Answer::default() };
        let errand = self.errand(at_once)?;
        if let Some(errand) = &errand {
            answer.runs.push(errand.run.clone());
            answer.guests.extend(errand.actions.keys());
        }
        let is_all_at_once = errand.is_some() && later.is_empty() && wanted.is_none();
        if is_all_at_once {
            // It takes one write, which tells a repetition as well.
            let accepted = Accepted { errand, ..self.fresh() };
            let writing = hooks.ours.begin(self.name());
            let taken = bus.take_delivery(self.source, self.id, &accepted).await;
            if let Some(before) = taken.map_err(Refusal::of)? {
                return Ok(self.repeated(&before));
            }
            writing.taken();
            return Ok(answer.into_response());
        }
        let noted = bus.delivery(self.source, self.id).await.map_err(Refusal::of)?;
        if let Some(taken) = noted.filter(Accepted::is_taken) {
            return Ok(self.repeated(&taken));
        }
        if let Some(why) = why.filter(|_| wanted.is_none()) {
            let pushes = hooks.pushes.as_deref();
            let elsewhere = self.pushes.iter().find_map(|push| pushes?.is_elsewhere(push));
            let why = elsewhere.unwrap_or(why);
            let became = [Became::Nothing { why: why.clone() }];
            self.note(bus, &became, None).await.map_err(Refusal::of)?;
            return Ok(super::nothing(self.id, &why));
        }
        let mut became = Vec::new();
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
        self.note(bus, &became, errand).await.map_err(Refusal::of)?;
        Ok(answer.into_response())
    }

    /// Returns what is done at once, where anything is.
    fn errand(&self, hits: Vec<Hit<'_>>) -> Result<Option<Errand>, Refusal> {
        if hits.is_empty() {
            return Ok(None);
        }
        let run = run_of(&format!("{}/{}", self.source, self.id)).map_err(Refusal::Later)?;
        let matched: Vec<_> = hits.into_iter().map(|(_, matched)| matched).collect();
        Ok(Some(self.traced(errand::written(run, self.by(), &deploy::orders(&matched)))))
    }

    /// Has something done in the trace that it was told in.
    fn traced(&self, errand: Errand) -> Errand {
        Errand { traceparent: self.trace.map(|trace| trace.to_string()), ..errand }
    }

    /// Says that it was taken before, and what run it made.
    fn repeated(&self, taken: &Accepted) -> Response {
        let run = taken.runs().next();
        let told = json!({ "status": "duplicate", "delivery": self.id, "run": run });
        (StatusCode::OK, Json(told)).into_response()
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
        let traceparent = self.trace.map(|trace| trace.to_string());
        Some((pushes, ToldPush { id, at: self.at, commit, by, waits: false, traceparent }))
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
            errand: self.traced(errand::written(run, by, &orders)),
            source: self.source.clone(),
            id: self.id.to_owned(),
            at: self.at,
            window,
            approval,
        }
    }

    /// Notes what became of it, and what is to be done at once, beside what was noted of its parts meanwhile.
    async fn note(
        &self,
        bus: &Bus,
        became: &[Became],
        errand: Option<Errand>,
    ) -> Result<(), BusError> {
        let change = |there: Option<Accepted>| {
            let there = there.filter(|there| there.at == self.at);
            let there = there.unwrap_or_else(|| self.fresh());
            let Accepted { became: meanwhile, decided, .. } = there;
            let is_open = |one: &&Became| match one {
                Became::Wanted { .. } => meanwhile.is_empty(),
                Became::Run { .. }
                | Became::Nothing { .. }
                | Became::Refused { .. }
                | Became::Waits { .. } => true,
            };
            let became = became.iter().filter(is_open).chain(&meanwhile).cloned().collect();
            Accepted { became, decided, errand: errand.clone(), ..self.fresh() }
        };
        bus.note_delivery(self.source, self.id, change).await
    }

    /// Returns the note of it as long as nothing has become of it.
    fn fresh(&self) -> Accepted {
        let commit = self.pushes.iter().find_map(|push| push.after.as_ref());
        Accepted::fresh(self.at, commit.map(|commit| commit.as_str().to_owned()))
    }

    fn name(&self) -> DeliveryName {
        (self.source.clone(), self.id.to_owned())
    }

    /// Says who asks: whoever pushed, as the source tells it.
    fn by(&self) -> String {
        let who = self.pushes.iter().find_map(|push| push.pusher.as_deref());
        who.map_or_else(|| self.source.to_string(), |who| format!("{who} by {}", self.source))
    }
}

impl Answer<'_> {
    fn into_response(self) -> Response {
        (StatusCode::ACCEPTED, Json(self)).into_response()
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
