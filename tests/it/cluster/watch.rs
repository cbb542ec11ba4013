//! Somebody who follows the log through all of it.

use std::collections::BTreeMap;
use std::time::Duration;

use phoenix_bus::{Bus, From, Tail, Told};
use phoenix_domain::{EventKind, GuestKey, Record};

use crate::survive::site::{States, text};

/// How long anything is waited for. No promise is about time: this only ends what would never end.
const PATIENCE: Duration = Duration::from_mins(3);

/// Follows the log.
pub(super) struct Watch {
    tail: Tail,
    states: States,
    /// The events of each guest, by their ids, in the order in which they were told.
    pub(super) told: BTreeMap<GuestKey, Vec<String>>,
}

impl Watch {
    /// Begins with the first event there will be.
    pub(super) async fn begin(bus: &Bus) -> Self {
        let tail = bus.tail(From::Beginning).await.unwrap();
        Self { tail, states: States::new(), told: BTreeMap::new() }
    }

    /// Returns how many guests are complete.
    pub(super) fn complete(&self) -> usize {
        self.states.values().filter(|state| Record::is_complete(state)).count()
    }

    /// Follows until so many guests are complete.
    pub(super) async fn until_complete(&mut self, count: usize) {
        let follow = async {
            while self.complete() < count {
                self.next().await;
            }
        };
        let followed = tokio::time::timeout(PATIENCE, follow).await;
        assert!(followed.is_ok(), "{} of {count}: {}", self.complete(), text(&self.states));
    }

    /// Takes in what happens next.
    pub(super) async fn next(&mut self) {
        match self.tail.next().await {
            Told::Event { event, .. } => {
                self.told.entry(event.state.guest).or_default().push(event.id);
                let kind = event.fact.kind();
                assert_ne!(kind, EventKind::DeadLettered, "{:?}", event.state);
                self.states.insert(event.state.guest, event.state);
            }
            Told::CaughtUp => {}
            Told::Unreadable(foreign) => panic!("not ours: {}", foreign.cause),
            Told::Rewound => panic!("the log went backwards"),
        }
    }
}
