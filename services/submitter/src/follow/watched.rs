//! What is followed: the guests of a request and how they are, as events tell it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use phoenix_domain::{
    Event, Fact, Goal, GuestKey, Move, NodeName, Record, RunId, Safety, SpecDigest, Standing,
    next_move,
};

/// The guests that are followed, each one behind those it stands on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watched {
    order: Vec<GuestKey>,
    guests: BTreeMap<GuestKey, Guest>,
}

/// A guest that is followed.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    /// Its name.
    pub(crate) name: String,
    /// The revision that was asked for; older ones are of no interest.
    pub(crate) revision: u64,
    /// What was asked for.
    pub(crate) digest: SpecDigest,
    /// What was to become of it.
    pub(crate) goal: Goal,
    /// How it is.
    pub(crate) record: Record,
    /// Since when.
    pub(crate) since: DateTime<Utc>,
    /// How many attempts there are, where that was told.
    pub(crate) attempts: Option<u32>,
    /// Whether somebody asked for it, and not only for what stands on it.
    pub(crate) is_asked: bool,
    /// Whether what the followed run wanted of it was given up before anybody followed.
    is_back: bool,
    /// Where its log was when it began to be followed; what was said in a row has one place.
    known: u64,
}

/// How a guest ended, as far as it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It goes on.
    None,
    /// It is as wanted.
    Complete,
    /// It is as somebody else wanted it.
    Otherwise,
    /// It was given up.
    Dead {
        /// Its letter.
        letter: u64,
    },
    /// It was given up, and is again what it was.
    Returned {
        /// Its letter.
        letter: u64,
    },
    /// It waits for a human.
    Question,
    /// Somebody asked to stop.
    Cancelled,
    /// It waits for a guest that will not be complete by itself.
    Stuck {
        /// The guest where the trouble began.
        root: GuestKey,
    },
}

impl Guest {
    /// Returns the letter of what was asked for, where that was given up and the guest went back.
    fn went_back(&self) -> Option<u64> {
        let desired = &self.record.desired;
        match &desired.safety {
            Some(Safety::Returned { letter, .. })
                if desired.digest != self.digest && desired.revision == self.revision + 1 =>
            {
                Some(*letter)
            }
            Some(Safety::Returned { letter, .. })
                if self.is_back && desired.revision == self.revision =>
            {
                Some(*letter)
            }
            Some(Safety::Returned { .. } | Safety::Guarded { .. }) | None => None,
        }
    }

    /// Takes a guest as it was when it began to be followed.
    pub(crate) fn new(name: String, record: Record, seq: u64, since: DateTime<Utc>) -> Self {
        let (revision, digest) = (record.desired.revision, record.desired.digest.clone());
        let goal = record.desired.goal;
        let is_asked = !record.desired.cause.is_foundation();
        Self {
            name,
            revision,
            digest,
            goal,
            record,
            since,
            attempts: None,
            is_asked,
            is_back: false,
            known: seq,
        }
    }

    /// Takes it as one that is followed only because others stand on it.
    pub(crate) fn brought_along(self) -> Self {
        Self { is_asked: false, ..self }
    }
}

impl Watched {
    /// Takes guests to follow.
    pub(crate) fn new(guests: impl IntoIterator<Item = Guest>) -> Self {
        let guests: BTreeMap<_, _> =
            guests.into_iter().map(|guest| (guest.record.guest, guest)).collect();
        let below = |guest: GuestKey| {
            let record = guests.get(&guest).map(|guest| &guest.record);
            let stands_on = record.map(|record| record.desired.stands_on.clone());
            stands_on.unwrap_or_default().into_iter().filter(|below| guests.contains_key(below))
        };
        let by_id: BTreeMap<_, _> = guests.keys().map(|key| (key.vmid, *key)).collect();
        let order = phoenix_domain::order(by_id.keys().copied(), |vmid| {
            let key = by_id.get(&vmid).copied();
            key.into_iter().flat_map(below).map(|below| below.vmid).collect::<Vec<_>>().into_iter()
        });
        // A circle cannot be submitted; where the log says otherwise, any order is as good.
        let order = match order {
            Ok(order) => order.iter().filter_map(|vmid| by_id.get(vmid).copied()).collect(),
            Err(_) => guests.keys().copied().collect(),
        };
        Self { order, guests }
    }

    /// Returns the guests, each one behind those it stands on.
    pub(crate) fn guests(&self) -> impl Iterator<Item = (GuestKey, &Guest)> {
        self.order.iter().filter_map(|key| Some((*key, self.guests.get(key)?)))
    }

    /// Returns how a guest is.
    pub(crate) fn record(&self, guest: GuestKey) -> Option<&Record> {
        self.guests.get(&guest).map(|guest| &guest.record)
    }

    /// Returns the name of a guest.
    pub(crate) fn name(&self, guest: GuestKey) -> &str {
        self.guests.get(&guest).map_or("", |guest| &guest.name)
    }

    /// Returns how many followed guests are below this one, counted along the longest way.
    pub(crate) fn depth(&self, guest: GuestKey) -> usize {
        let mut depths: BTreeMap<GuestKey, usize> = BTreeMap::new();
        for (key, one) in self.guests() {
            let below = one.record.desired.stands_on.iter();
            let depth = below.filter_map(|below| depths.get(below)).max().map_or(0, |max| max + 1);
            depths.insert(key, depth);
        }
        depths.get(&guest).copied().unwrap_or_default()
    }

    /// Returns the hosts where something is still to be done.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &NodeName> {
        let open = self.guests().filter(|(_, guest)| !guest.record.is_settled());
        open.map(|(_, guest)| &guest.record.desired.host)
    }

    /// Returns the runs that are at work on what is not settled, `first` before all others.
    pub(crate) fn runs(&self) -> Vec<RunId> {
        let mut runs = Vec::new();
        for (_, guest) in self.guests().filter(|(_, guest)| !guest.record.is_settled()) {
            if !runs.contains(&guest.record.desired.run) {
                runs.push(guest.record.desired.run.clone());
            }
        }
        runs
    }

    /// Takes an event in, and says whether it told anything new about a guest that is followed.
    pub(crate) fn take(&mut self, seq: u64, event: &Event) -> bool {
        let Some(guest) = self.guests.get_mut(&event.state.guest) else { return false };
        if seq <= guest.known || event.state.desired.revision < guest.revision {
            return false;
        }
        if let Fact::RetryWait(wait) = &event.fact {
            guest.attempts = Some(wait.of);
        }
        guest.since = event.time;
        guest.record = event.state.clone();
        true
    }

    /// Forgets which events were told: the log is another one.
    pub(crate) fn rewind(&mut self) {
        for guest in self.guests.values_mut() {
            guest.known = 0;
        }
    }

    /// Says whether nothing more happens by itself.
    pub(crate) fn is_over(&self) -> bool {
        self.guests().all(|(_, guest)| match self.ending(guest) {
            Ending::None => false,
            Ending::Stuck { root } => self.record(root).is_none_or(Record::is_settled),
            Ending::Complete
            | Ending::Otherwise
            | Ending::Dead { .. }
            | Ending::Returned { .. }
            | Ending::Question
            | Ending::Cancelled => true,
        })
    }

    /// Has what this run wanted told as given up where it was, also before anybody followed.
    pub(crate) fn of_run(mut self, run: &RunId) -> Self {
        for guest in self.guests.values_mut() {
            guest.is_back = guest.record.has_gone_back(run);
        }
        self
    }

    /// Says how a guest ended.
    pub(crate) fn ending(&self, guest: &Guest) -> Ending {
        let record = &guest.record;
        if !record.is_settled() {
            return match self.stuck_on(record) {
                Some(root) => Ending::Stuck { root },
                None => Ending::None,
            };
        }
        match record.work.standing {
            Standing::Completed if let Some(letter) = guest.went_back() => {
                Ending::Returned { letter }
            }
            Standing::Completed
                if record.desired.digest == guest.digest && record.desired.goal == guest.goal =>
            {
                Ending::Complete
            }
            Standing::Completed => Ending::Otherwise,
            Standing::Dead { letter } => Ending::Dead { letter },
            Standing::Blocked { .. } => Ending::Question,
            Standing::Cancelled => Ending::Cancelled,
            Standing::Requested
            | Standing::Working
            | Standing::RetryWait { .. }
            | Standing::BlockedBy { .. }
            | Standing::Failed => Ending::None,
        }
    }

    /// Returns the guest where the trouble began, if this one waits for one that will not be
    /// complete by itself. Nobody has to have told it yet.
    fn stuck_on(&self, record: &Record) -> Option<GuestKey> {
        if matches!(record.work.standing, Standing::Working | Standing::Failed) {
            return None;
        }
        let mut untold = record.clone();
        untold.work.standing = Standing::Requested;
        let below = |guest| self.record(guest);
        match next_move(&untold, below, DateTime::UNIX_EPOCH) {
            Move::BlockBy { root, .. } => Some(root),
            Move::None | Move::Wake | Move::WakeAt(_) => None,
        }
    }
}
