//! Does what waits for a window or a human, once it is its turn.

use std::convert::Infallible;
use std::time::Duration;

use phoenix_bus::{Accepted, Became, Bus, BusError, Errand, Later};
use phoenix_domain::chain;
use phoenix_hooks::{RawWindow, Window};
use tokio::sync::mpsc;

use super::deploy::Certainty;
use super::{Hooks, later};
use crate::approvals;
use crate::error::CommandError;
use crate::serve::again::{ANSWERED, Trouble, wait};
use crate::session;

impl Hooks {
    /// Does so for as long as it is served, and first what another one was to do.
    pub(super) async fn do_what_waits(
        &self,
        bus: &Bus,
        remarks: &mpsc::Sender<String>,
    ) -> Infallible {
        let mut trouble = Trouble::none();
        loop {
            match Box::pin(self.do_what_is_due(bus)).await {
                Ok(most) => {
                    trouble = Trouble::none();
                    wait(&self.later, most).await;
                }
                Err(err) => trouble.pause(remarks, "webhooks", &chain(&err)).await,
            }
        }
    }

    /// Does what is due, and returns after how long something else may be.
    async fn do_what_is_due(&self, bus: &Bus) -> Result<Option<Duration>, CommandError> {
        let (now, mut next) = (session::now(), None);
        let mut sooner = |wait: Duration| next = Some(next.map_or(wait, |next| wait.min(next)));
        let mut laters = bus.laters().await?;
        let mut gone = Vec::new();
        for (old, by) in later::overtaken(&laters) {
            let commit = old.approval.as_ref().map_or("", |approval| approval.commit.as_str());
            let why = approvals::overtaken(commit, &by.commit);
            settle(old, &Became::Refused { why }, bus).await?;
            bus.forget_later(&old.errand.run).await?;
            gone.push(old.errand.run.clone());
        }
        laters.retain(|later| !gone.contains(&later.errand.run));
        for later in laters {
            let approval = later.approval.as_ref();
            match approval.map(|approval| approval.decision.as_ref()) {
                Some(None) => {
                    sooner(ANSWERED);
                    continue;
                }
                Some(Some(decision)) if !decision.yes => {
                    let why = approvals::refused(decision);
                    settle(&later, &Became::Refused { why }, bus).await?;
                    bus.forget_later(&later.errand.run).await?;
                    continue;
                }
                Some(Some(_)) | None => {}
            }
            // What another version has left is done now.
            let window = serde_json::from_value::<RawWindow>(later.window.clone()).ok();
            let window = window.and_then(|raw| Window::read(&raw).ok());
            let opens = window.map_or(now, |window| window.opens(now));
            if opens > now {
                sooner((opens - now).to_std().unwrap_or_default());
                let noted = bus.delivery(&later.source, &later.id).await?;
                let is_noted =
                    noted.is_some_and(|noted| noted.decided.contains_key(&later.errand.run));
                if approval.is_some() && !is_noted {
                    let (run, until) = (later.errand.run.clone(), Some(opens));
                    settle(&later, &Became::Waits { run, until }, bus).await?;
                }
                continue;
            }
            self.do_now(&later, bus).await?;
            bus.forget_later(&later.errand.run).await?;
        }
        Ok(next)
    }

    async fn do_now(&self, later: &Later, bus: &Bus) -> Result<(), CommandError> {
        let by = approvals::by(&later.errand.by, later.approval.as_ref());
        let errand = Errand { by, ..later.errand.clone() };
        // Nobody knows whether it was asked for before, by one that was killed since.
        let became = self.run_errand(&errand, Certainty::MayBeAsked, bus).await?;
        Ok(settle(later, &became, bus).await?)
    }
}

/// Notes what became of it with the delivery that asked for it, and what people said who were asked.
async fn settle(later: &Later, became: &Became, bus: &Bus) -> Result<(), BusError> {
    let change = |there: Option<Accepted>| {
        let mut accepted = there.unwrap_or_else(|| Accepted::fresh(later.at, None));
        let is_it =
            |one: &Became| matches!(one, Became::Waits { run, .. } if *run == later.errand.run);
        accepted.became.retain(|one| !is_it(one));
        accepted.became.push(became.clone());
        accepted.hear(later.approval.as_ref());
        accepted
    };
    bus.note_delivery(&later.source, &later.id, change).await
}
