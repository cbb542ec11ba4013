//! Does what waits for a window, once it is open.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use phoenix_bus::{Accepted, Became, Bus, Later};
use phoenix_domain::{Vmid, chain};
use phoenix_hooks::{Action, RawWindow, Window};
use tokio::sync::mpsc;

use super::Hooks;
use super::deploy::Desk;
use crate::asking::Asking;
use crate::error::CommandError;
use crate::serve::again::{Trouble, wait};
use crate::session;
use crate::words;

impl Hooks {
    /// Does so for as long as it is served, and first what another one was to do.
    pub(in crate::serve) async fn work(
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

    /// Does what is due, and returns after how long something else is.
    async fn do_what_is_due(&self, bus: &Bus) -> Result<Option<Duration>, CommandError> {
        let (now, mut next) = (session::now(), None);
        for later in bus.laters().await? {
            // What another version has left is done now.
            let window = serde_json::from_value::<RawWindow>(later.window.clone()).ok();
            let window = window.and_then(|raw| Window::read(&raw).ok());
            let opens = window.map_or(now, |window| window.opens(now));
            if opens > now {
                next = Some(next.map_or(opens, |next| opens.min(next)));
                continue;
            }
            self.do_now(&later, bus).await?;
            bus.forget_later(&later.run).await?;
        }
        Ok(next.map(|next| (next - now).to_std().unwrap_or_default()))
    }

    async fn do_now(&self, later: &Later, bus: &Bus) -> Result<(), CommandError> {
        let desk = Desk {
            bus,
            setup: &self.setup,
            config: &self.config,
            teller: session::teller_of("webhooks", None),
            asking: Asking {
                run: later.run.clone(),
                by: later.by.clone(),
                trusts_log: false,
                hold_s: None,
            },
        };
        let actions: BTreeMap<Vmid, Action> = later
            .actions
            .iter()
            .filter_map(|(vmid, action)| Some((*vmid, action.parse().ok()?)))
            .collect();
        let became = match desk.deploy(&actions).await {
            Ok(guests) => {
                let said = words::count(guests.len(), "guest", "guests");
                Became::Run { run: later.run.clone(), said }
            }
            Err(err @ CommandError::Bus(_)) => return Err(err),
            // Nobody sends it again: the sender was told long ago that it is accepted.
            Err(err) => Became::Refused { why: chain(&err) },
        };
        let change = |there: Option<Accepted>| {
            let fresh = || Accepted { at: later.at, commit: None, became: Vec::new() };
            let mut accepted = there.unwrap_or_else(fresh);
            let is_it =
                |one: &Became| matches!(one, Became::Waits { run, .. } if *run == later.run);
            accepted.became.retain(|one| !is_it(one));
            accepted.became.push(became.clone());
            accepted
        };
        Ok(bus.note_delivery(&later.source, &later.id, change).await?)
    }
}
