//! How long this process waits for locks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use phoenix_domain::Waits;

/// What only so many can have at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scarce {
    /// A guest: one hand at a time.
    Guest,
    /// A GPU: one guest that loads a model at a time.
    Gpu,
    /// A storage: so many clones at a time.
    Storage,
    /// What is cloned: one clone of it at a time.
    Template,
}

/// How long this process has waited for what is scarce. Whoever has a copy counts into the same.
#[derive(Clone, Debug)]
pub struct Patience(Arc<Mutex<BTreeMap<Scarce, Waits>>>);

impl Scarce {
    const ALL: [Self; 4] = [Self::Guest, Self::Gpu, Self::Storage, Self::Template];

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Gpu => "gpu",
            Self::Storage => "storage",
            Self::Template => "template",
        }
    }
}

impl Default for Patience {
    fn default() -> Self {
        // What is never told before it is 1 never grew, for who looks from outside.
        let none = Scarce::ALL.into_iter().map(|scarce| (scarce, Waits::default())).collect();
        Self(Arc::new(Mutex::new(none)))
    }
}

impl Patience {
    /// Counts a wait that is over.
    pub fn add(&self, scarce: Scarce, waited: Duration) {
        self.waits().entry(scarce).or_default().add(waited);
    }

    /// Returns all that was waited so far.
    pub fn told(&self) -> BTreeMap<Box<str>, Waits> {
        let waits = self.waits();
        waits.iter().map(|(scarce, waits)| (scarce.name().into(), waits.clone())).collect()
    }

    fn waits(&self) -> MutexGuard<'_, BTreeMap<Scarce, Waits>> {
        // What is in it was whole before anything broke.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
