//! The states of all guests of a cell, as they were read at once.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use phoenix_bus::{Bus, End};
use phoenix_domain::{Event, Goal, GuestKey, Kind, Record, Vmid};

use crate::error::CommandError;
use crate::follow::{Guest, Watched};
use crate::words;

/// The states of all guests of a cell.
#[derive(Clone, Debug, Default)]
pub(crate) struct States(BTreeMap<GuestKey, (u64, Event)>);

impl States {
    /// Reads them.
    pub(crate) async fn read(bus: &Bus) -> Result<Self, CommandError> {
        Ok(Self(bus.states().await?))
    }

    #[cfg(test)]
    pub(crate) fn of(events: impl IntoIterator<Item = Event>) -> Self {
        Self(events.into_iter().map(|event| (event.state.guest, (1, event))).collect())
    }

    /// Returns those that were known at some time, of which these were the last events.
    pub(crate) fn at(events: impl IntoIterator<Item = (u64, Event)>) -> Self {
        Self(events.into_iter().map(|(seq, event)| (event.state.guest, (seq, event))).collect())
    }

    /// Takes in what happened last to a guest.
    pub(crate) fn take(&mut self, seq: u64, event: Event) {
        let guest = event.state.guest;
        if self.seq(guest) <= seq {
            self.0.insert(guest, (seq, event));
        }
    }

    /// Reads the guests with these numbers, and no others.
    pub(crate) async fn of_numbers(bus: &Bus, numbers: &[Vmid]) -> Result<Self, CommandError> {
        let of = |vmid: &Vmid| {
            [Kind::Container, Kind::Machine].map(|kind| GuestKey { kind, vmid: *vmid })
        };
        let guests: Vec<_> = numbers.iter().flat_map(of).collect();
        let mut states = Self::default();
        for End { seq, event } in bus.ends(&guests).await?.into_values() {
            states.take(seq, event);
        }
        Ok(states)
    }

    /// Returns the ends of the logs that they were read from.
    pub(crate) fn into_ends(self) -> BTreeMap<GuestKey, End> {
        self.0.into_iter().map(|(guest, (seq, event))| (guest, End { seq, event })).collect()
    }

    /// Returns all guests in the order of their names.
    pub(crate) fn guests(&self) -> impl Iterator<Item = GuestKey> {
        self.0.keys().copied()
    }

    /// Returns all states, in the order of the guests' names.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.0.values().map(|(_, event)| &event.state)
    }

    /// Returns what happened last to each guest, in the order of the log.
    pub(crate) fn last_events(&self) -> Vec<(u64, &Event)> {
        let mut events: Vec<_> = self.0.values().map(|(seq, event)| (*seq, event)).collect();
        events.sort_by_key(|(seq, _)| *seq);
        events
    }

    /// Returns the state of a guest.
    pub(crate) fn record(&self, guest: GuestKey) -> Option<&Record> {
        self.0.get(&guest).map(|(_, event)| &event.state)
    }

    /// Returns the state of the guest with this number.
    pub(crate) fn with_number(&self, vmid: Vmid) -> Option<&Record> {
        self.records().find(|record| record.guest.vmid == vmid)
    }

    /// Returns where the log of a guest was.
    pub(crate) fn seq(&self, guest: GuestKey) -> u64 {
        self.0.get(&guest).map_or(0, |(seq, _)| *seq)
    }

    /// Returns since when it is so.
    pub(crate) fn since(&self, guest: GuestKey) -> DateTime<Utc> {
        self.0.get(&guest).map_or(DateTime::UNIX_EPOCH, |(_, event)| event.time)
    }

    /// Returns the guests with these numbers, each once.
    pub(crate) fn named(&self, typed: &[Vmid]) -> Result<Vec<GuestKey>, CommandError> {
        let mut guests = Vec::new();
        for asked in typed {
            let Some(guest) = self.guests().find(|guest| guest.vmid == *asked) else {
                return Err(CommandError::NeverSubmitted { asked: *asked });
            };
            if !guests.contains(&guest) {
                guests.push(guest);
            }
        }
        Ok(guests)
    }

    /// Returns guests and everything they stand on.
    pub(crate) fn closure(&self, guests: &[GuestKey]) -> BTreeSet<GuestKey> {
        let mut closure = BTreeSet::new();
        let mut open = guests.to_vec();
        while let Some(guest) = open.pop() {
            if let Some(record) = self.record(guest)
                && closure.insert(guest)
            {
                open.extend(&record.desired.stands_on);
            }
        }
        closure
    }

    /// Returns the guests that stand directly on this one.
    pub(crate) fn above(&self, guest: GuestKey) -> impl Iterator<Item = GuestKey> {
        let stands_on = move |record: &&Record| {
            let desired = &record.desired;
            let as_made = || {
                desired
                    .spec
                    .read()
                    .is_ok_and(|spec| spec.stands_on().any(|below| below == guest.vmid))
            };
            match desired.goal {
                Goal::Present | Goal::Adopted => desired.stands_on.contains(&guest),
                Goal::Running | Goal::Stopped | Goal::Restarted | Goal::Repaired { .. } => {
                    as_made()
                }
                Goal::Absent { .. } => false,
            }
        };
        self.records().filter(stands_on).map(|record| record.guest)
    }

    /// Returns guests and everything they stand on, to be followed from here. What was just
    /// `asked` is as that says, with its place in the log.
    pub(crate) fn watched(
        &self,
        guests: &[GuestKey],
        asked: &BTreeMap<GuestKey, (u64, Record)>,
        now: DateTime<Utc>,
    ) -> Watched {
        let closure = self.closure(guests);
        Watched::new(closure.into_iter().filter_map(|guest| {
            let (seq, event) = self.0.get(&guest)?;
            let name = words::name(&event.state);
            let followed = match asked.get(&guest) {
                Some((seq, record)) => Guest::new(name, record.clone(), *seq, now),
                None => Guest::new(name, event.state.clone(), *seq, event.time),
            };
            Some(if guests.contains(&guest) { followed } else { followed.brought_along() })
        }))
    }
}

/// Returns the guest with this number.
pub(crate) async fn key(bus: &Bus, vmid: Vmid) -> Result<GuestKey, CommandError> {
    let states = States::read(bus).await?;
    let record = states.with_number(vmid);
    record.map(|record| record.guest).ok_or(CommandError::NeverSubmitted { asked: vmid })
}
