//! Asks for what a push is about, in one run.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_bus::{Bus, Setup, Teller};
use phoenix_domain::{Cause, Goal, GuestKey, Record, Repair, Vmid};
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
    pub(in crate::serve) certainty: Certainty,
}

/// What is known of whether this was asked for before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::serve) enum Certainty {
    /// It was not.
    New,
    /// It may have been, by one that was killed before it could say so: it is looked.
    MayBeAsked,
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
        let is_of_run = before.is_some_and(|before| self.is_of_run(before));
        Ok(is_of_run || asking::on_submit(wanted, before) == Answer::Ask)
    }

    /// Asks for guests, where anything of them has changed, and returns those of this run with the
    /// revisions that it has asked for.
    pub(in crate::serve) async fn ask(
        &self,
        wanted: &[Wanted],
    ) -> Result<Vec<(GuestKey, u64)>, CommandError> {
        let guests: Vec<_> = wanted.iter().map(|wanted| wanted.guest).collect();
        let ends = self.bus.ends(&guests).await?;
        refuse_to_move(wanted, &ends)?;
        let asked = self.asked_before(&guests).await?;
        let by_guest: BTreeMap<_, &Wanted> =
            wanted.iter().map(|wanted| (wanted.guest, wanted)).collect();
        let appended = self
            .bus
            .ask_knowing(ends, self.setup, &self.teller, &guests, |guest, before| {
                let wanted = by_guest.get(&guest)?;
                if asked.contains(&guest) || before.is_some_and(|before| self.is_of_run(before)) {
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
        let asked = self.asked_before(&guests).await?;
        let appended = self
            .bus
            .ask_knowing(states.into_ends(), self.setup, &self.teller, &guests, |guest, before| {
                let before = before.filter(|before| !self.is_of_run(before))?;
                let turn = Turn {
                    guest,
                    goal,
                    cause: Cause::Submitted,
                    stands_on: before.desired.stands_on.clone(),
                    new: None,
                };
                let is_wanted = match asking::on_turn(&turn, Some(before)) {
                    Answer::Ask => true,
                    // What was begun before does not know of what was pushed since.
                    Answer::Joined => is_begun(before),
                    Answer::AsDesired | Answer::LivesElsewhere(_) => false,
                };
                let request = || asking::turned(&turn, &self.asking, Some(before));
                (is_wanted && !asked.contains(&guest)).then(request).flatten()
            })
            .await?;
        Ok(self.of_this_run(&appended).into_iter().map(|(guest, _)| guest).collect())
    }

    /// Returns the guests that were asked for in this run before, where that may be.
    async fn asked_before(&self, guests: &[GuestKey]) -> Result<BTreeSet<GuestKey>, CommandError> {
        let mut asked = BTreeSet::new();
        if self.certainty == Certainty::New {
            return Ok(asked);
        }
        for guest in guests {
            let history = self.bus.history(*guest).await?;
            if history.iter().any(|(_, event)| self.is_of_run(&event.state)) {
                asked.insert(*guest);
            }
        }
        Ok(asked)
    }

    fn is_of_run(&self, record: &Record) -> bool {
        record.desired.run == self.asking.run
    }

    fn of_this_run(&self, appended: &[phoenix_bus::Appended]) -> Vec<(GuestKey, u64)> {
        let of_run = appended.iter().filter(|one| self.is_of_run(&one.state));
        of_run.map(|one| (one.guest, one.state.desired.revision)).collect()
    }
}

/// Says whether what a guest is asked for has been begun: with a restart, or with steps that are repeated.
fn is_begun(record: &Record) -> bool {
    record.work.revision == record.desired.revision && record.work.restart.is_some()
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
