//! Asks for what a push is about, in one run.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_bus::{Bus, Setup, Teller};
use phoenix_domain::{Cause, Goal, GuestKey, Repair, Vmid};
use phoenix_hooks::{Action, Matched, Safely};

use crate::asking::{self, Answer, Asking, Turn, Wanted};
use crate::cli::ConfigArgs;
use crate::commands::{all_wanted, refuse_to_move};
use crate::config;
use crate::error::CommandError;
use crate::states::States;

/// What is done with a guest, and how it goes back where that fails. What goes further is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Order {
    pub(super) action: Action,
    pub(super) safely: Option<Safely>,
}

/// What asks.
pub(in crate::serve) struct Desk<'d> {
    pub(in crate::serve) bus: &'d Bus,
    pub(in crate::serve) setup: &'d Setup,
    pub(in crate::serve) config: &'d ConfigArgs,
    pub(in crate::serve) teller: Teller,
    pub(in crate::serve) asking: Asking,
}

impl Desk<'_> {
    /// Asks for all of it, and returns the guests that were asked for. What was asked for in this run
    /// before is not asked for once more.
    pub(super) async fn deploy(
        &self,
        orders: &BTreeMap<Vmid, Order>,
    ) -> Result<Vec<GuestKey>, CommandError> {
        let those = |wanted: Order| {
            let of = orders.iter().filter(move |(_, order)| **order == wanted);
            of.map(|(vmid, _)| *vmid).collect::<Vec<_>>()
        };
        let mut asked = BTreeSet::new();
        for order in orders.values().copied().collect::<BTreeSet<_>>() {
            let named = those(order);
            asked.extend(match order.action {
                Action::Restart => self.turn(&named, Goal::Restarted).await?,
                Action::Reapply => {
                    self.turn(&named, Goal::Repaired { by: Repair::Application }).await?
                }
                Action::Redeploy => self.redeploy(&named, order.safely).await?,
                Action::Recreate => {
                    self.turn(&named, Goal::Repaired { by: Repair::Recreate }).await?
                }
            });
        }
        Ok(asked.into_iter().collect())
    }

    async fn redeploy(
        &self,
        named: &[Vmid],
        safely: Option<Safely>,
    ) -> Result<Vec<GuestKey>, CommandError> {
        // Files are read elsewhere: pages are answered meanwhile.
        let files = self.config.clone();
        let reading = tokio::task::spawn_blocking(move || config::read(&files)).await;
        let loaded = reading.map_err(|err| CommandError::NoRuntime(err.into()))??;
        config::known(&loaded, named)?;
        let mut wanted = all_wanted(None, &loaded, named, self.bus).await?;
        if let Some(canary) = safely.and_then(|safely| safely.canary)
            && self.changes(&wanted, canary).await?
        {
            asking::try_first(&mut wanted, canary)?;
        }
        let hold_s = safely.map(|safely| safely.hold_s);
        let (teller, asking) = (self.teller.clone(), self.asking.clone());
        let desk = Desk { teller, asking: Asking { hold_s, ..asking }, ..*self };
        Ok(desk.ask(&wanted).await?.into_iter().map(|(guest, _)| guest).collect())
    }

    /// Says whether a guest is asked for, or was in this run. Where it is as it was, nobody waits for it.
    async fn changes(&self, wanted: &[Wanted], canary: Vmid) -> Result<bool, CommandError> {
        let Some(wanted) = wanted.iter().find(|one| one.guest.vmid == canary) else {
            return Ok(false);
        };
        let ends = self.bus.ends(&[wanted.guest]).await?;
        let before = ends.get(&wanted.guest).map(|end| &end.event.state);
        let is_of_run = before.is_some_and(|before| before.desired.run == self.asking.run);
        Ok(is_of_run || asking::on_submit(wanted, before) == Answer::Ask)
    }

    /// Asks for guests, where anything of them has changed, and returns those of this run with the
    /// revisions that it has asked for.
    pub(in crate::serve) async fn ask(
        &self,
        wanted: &[Wanted],
    ) -> Result<Vec<(GuestKey, u64)>, CommandError> {
        let guests: Vec<_> = wanted.iter().map(|wanted| wanted.guest).collect();
        refuse_to_move(wanted, &self.bus.ends(&guests).await?)?;
        let by_guest: BTreeMap<_, &Wanted> =
            wanted.iter().map(|wanted| (wanted.guest, wanted)).collect();
        let appended = self
            .bus
            .ask(self.setup, &self.teller, &guests, |guest, before| {
                let wanted = by_guest.get(&guest)?;
                if before.is_some_and(|before| before.desired.run == self.asking.run) {
                    return None;
                }
                match asking::on_submit(wanted, before) {
                    Answer::Ask => Some(asking::request(wanted, &self.asking, before)),
                    Answer::AsDesired | Answer::Joined | Answer::LivesElsewhere(_) => None,
                }
            })
            .await?;
        Ok(self.of_this_run(&appended))
    }

    /// Asks for guests as they are, with this goal.
    async fn turn(&self, named: &[Vmid], goal: Goal) -> Result<Vec<GuestKey>, CommandError> {
        let states = States::of_numbers(self.bus, named).await?;
        let guests = states.named(named)?;
        for guest in &guests {
            asking::refuse(guest.vmid, goal, states.record(*guest))?;
        }
        let appended = self
            .bus
            .ask(self.setup, &self.teller, &guests, |guest, before| {
                let before = before.filter(|before| before.desired.run != self.asking.run)?;
                let turn = Turn {
                    guest,
                    goal,
                    cause: Cause::Submitted,
                    stands_on: before.desired.stands_on.clone(),
                    new: None,
                };
                match asking::on_turn(&turn, Some(before)) {
                    Answer::Ask => asking::turned(&turn, &self.asking, Some(before)),
                    Answer::AsDesired | Answer::Joined | Answer::LivesElsewhere(_) => None,
                }
            })
            .await?;
        Ok(self.of_this_run(&appended).into_iter().map(|(guest, _)| guest).collect())
    }

    fn of_this_run(&self, appended: &[phoenix_bus::Appended]) -> Vec<(GuestKey, u64)> {
        let of_run = appended.iter().filter(|one| one.state.desired.run == self.asking.run);
        of_run.map(|one| (one.guest, one.state.desired.revision)).collect()
    }
}

/// Returns what is done with each guest: of several things the one that goes furthest.
pub(super) fn orders(matched: &[Matched]) -> BTreeMap<Vmid, Order> {
    let mut orders = BTreeMap::new();
    for one in matched {
        let order = Order { action: one.action, safely: one.safely };
        for guest in &one.guests {
            let furthest = orders.entry(*guest).or_insert(order);
            *furthest = order.max(*furthest);
        }
    }
    orders
}
