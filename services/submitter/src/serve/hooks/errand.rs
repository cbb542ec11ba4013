//! Does what deliveries want done at once, right after their senders were told that it will be.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use phoenix_bus::{Accepted, Became, Bus, DeliveryTail, DeliveryTold, Errand, Noted};
use phoenix_domain::{RunId, Vmid, chain};
use phoenix_hooks::{RawSafely, Safely};
use tokio::sync::mpsc;

use super::Hooks;
use super::deploy::{Certainty, Desk, Order};
use super::ours::DeliveryName;
use crate::asking::Asking;
use crate::error::CommandError;
use crate::serve::again::Trouble;
use crate::serve::metrics::Told;
use crate::session;
use crate::words;

/// How many are done at once.
const AT_ONCE: usize = 16;
/// How many are done at once while senders wait to be answered, who go first.
const BESIDE: usize = 1;
/// How many wait here for that; the others wait in NATS.
const WAITING: usize = 1024;

/// One that is to be done.
struct Open {
    noted: Noted,
    certainty: Certainty,
}

impl Hooks {
    /// Does so for as long as it is served, and first what another one was to do.
    pub(super) async fn run_errands(
        &self,
        bus: &Bus,
        told: &Told,
        remarks: &mpsc::Sender<String>,
    ) -> Infallible {
        let mut trouble = Trouble::none();
        let mut tail = self.follow(bus, remarks, &mut trouble).await;
        let (mut waiting, mut doing) = (VecDeque::new(), FuturesUnordered::new());
        // Those that wait, are being done, or are done; until that is told.
        let mut taken = BTreeSet::<DeliveryName>::new();
        loop {
            while doing.len() < if self.ours.is_awaited() { BESIDE } else { AT_ONCE }
                && let Some(open) = waiting.pop_front()
            {
                doing.push(self.settle(open, bus, remarks));
            }
            tokio::select! {
                next = tail.next(), if waiting.len() < WAITING => match next {
                    DeliveryTold::Noted(noted) => {
                        if noted.accepted.is_taken() {
                            told.took(&noted.source, noted.accepted.at);
                        }
                        let name = (noted.source.clone(), noted.id.clone());
                        if noted.accepted.errand.is_none() {
                            taken.remove(&name);
                        } else if taken.insert(name.clone()) {
                            let is_ours = self.ours.claim(&name);
                            let certainty =
                                if is_ours { Certainty::New } else { Certainty::MayBeAsked };
                            waiting.push_back(Open { noted: *noted, certainty });
                        }
                    }
                    DeliveryTold::CaughtUp => {}
                    DeliveryTold::Rewound => taken.clear(),
                },
                Some(ended) = doing.next() => match ended {
                    Ok(()) => trouble = Trouble::none(),
                    Err((open, err)) => {
                        waiting.push_front(open);
                        // What else is on its way most likely fails as well: it is waited for once.
                        while let Some(ended) = doing.next().await {
                            waiting.extend(ended.err().map(|(open, _)| open));
                        }
                        let (why, mut connected) = (chain(&err), bus.connected());
                        connected.mark_unchanged();
                        tokio::select! {
                            () = trouble.pause(remarks, "webhooks", &why) => {}
                            _ = connected.changed() => {}
                        }
                    }
                },
            }
        }
    }

    async fn follow(
        &self,
        bus: &Bus,
        remarks: &mpsc::Sender<String>,
        trouble: &mut Trouble,
    ) -> DeliveryTail {
        loop {
            match bus.tail_deliveries().await {
                Ok(tail) => return tail,
                Err(err) => trouble.pause(remarks, "webhooks", &chain(&err)).await,
            }
        }
    }

    /// Does one, and notes what became of it. Where that is not known, it is to be done again.
    async fn settle(
        &self,
        open: Open,
        bus: &Bus,
        remarks: &mpsc::Sender<String>,
    ) -> Result<(), (Open, CommandError)> {
        let Some(errand) = open.noted.accepted.errand.clone() else { return Ok(()) };
        let settled = async {
            let became = self.run_errand(&errand, open.certainty, bus).await?;
            if let Became::Refused { why } = &became {
                let source = &open.noted.source;
                // Where nobody keeps up with reading them, some are not read.
                drop(remarks.try_send(format!("webhook of {source}: cannot be done: {why}")));
            }
            Ok(note(&open.noted, &errand, &became, bus).await?)
        };
        settled.await.map_err(|err| (Open { certainty: Certainty::MayBeAsked, ..open }, err))
    }

    /// Asks for what is to be done, and says what became of it.
    pub(super) async fn run_errand(
        &self,
        errand: &Errand,
        certainty: Certainty,
        bus: &Bus,
    ) -> Result<Became, CommandError> {
        let desk = Desk {
            bus,
            setup: &self.setup,
            config: &self.config,
            teller: session::teller_of("webhooks", errand.traceparent.as_deref()),
            asking: Asking {
                run: errand.run.clone(),
                by: errand.by.clone(),
                trusts_log: false,
                hold_s: None,
            },
            certainty,
        };
        match Box::pin(desk.deploy(&orders(errand))).await {
            Ok(guests) => {
                let mut said = words::count(guests.len(), "guest", "guests");
                if guests.is_empty() {
                    said.push_str(": all are as wanted, or about to be");
                }
                Ok(Became::Run { run: errand.run.clone(), said })
            }
            Err(err @ CommandError::Bus(_)) => Err(err),
            // Nobody sends it again: the sender was told that it is accepted.
            Err(err) => Ok(Became::Refused { why: chain(&err) }),
        }
    }
}

/// Notes what became of an errand, in its place.
async fn note(
    noted: &Noted,
    errand: &Errand,
    became: &Became,
    bus: &Bus,
) -> Result<(), phoenix_bus::BusError> {
    let settled = |accepted: Accepted| {
        let mut accepted = accepted;
        if accepted.errand.take_if(|there| there.run == errand.run).is_some() {
            accepted.became.insert(0, became.clone());
        }
        accepted
    };
    let fresh = Noted { accepted: settled(noted.accepted.clone()), ..noted.clone() };
    if bus.settle_delivery(&fresh).await? {
        return Ok(());
    }
    // Something was noted of another part of it meanwhile.
    let at = noted.accepted.at;
    let change = |there: Option<Accepted>| {
        settled(there.unwrap_or_else(|| Accepted::fresh(at, noted.accepted.commit.clone())))
    };
    bus.note_delivery(&noted.source, &noted.id, change).await
}

/// Writes down what is done.
pub(super) fn written(run: RunId, by: String, orders: &BTreeMap<Vmid, Order>) -> Errand {
    let safely = |safely: Safely| {
        let canary = safely.canary.map(|canary| u64::from(canary.number()));
        serde_json::to_value(RawSafely { hold_seconds: safely.hold_s, canary }).ok()
    };
    Errand {
        run,
        by,
        actions: orders.iter().map(|(vmid, order)| (*vmid, order.action.to_string())).collect(),
        safely: orders
            .iter()
            .filter_map(|(vmid, order)| Some((*vmid, safely(order.safely?)?)))
            .collect(),
        traceparent: None,
    }
}

/// Returns what is done with each guest, as it was written down.
fn orders(errand: &Errand) -> BTreeMap<Vmid, Order> {
    let safely = |vmid: &Vmid| {
        let raw = serde_json::from_value::<RawSafely>(errand.safely.get(vmid)?.clone()).ok()?;
        Safely::read(&raw).ok()
    };
    let orders = errand.actions.iter().filter_map(|(vmid, action)| {
        Some((*vmid, Order { action: action.parse().ok()?, safely: safely(vmid) }))
    });
    orders.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_is_read_as_it_was_written_down() {
        let vmid: Vmid = 950_u64.try_into().unwrap();
        let safely = Some(Safely { hold_s: 60, canary: Some(vmid) });
        let order = Order { action: phoenix_hooks::Action::Redeploy, safely };
        let those = BTreeMap::from([(vmid, order)]);

        let errand = written("r-0001".parse().unwrap(), "ann".to_owned(), &those);

        assert_eq!(orders(&errand), those);
    }
}
