//! What this process takes: it is known to be new, and its senders wait.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use phoenix_domain::SourceName;

/// Who sent a delivery, and what its sender calls it.
pub(super) type DeliveryName = (SourceName, String);

/// What is written here, and what was written here and is not asked for yet.
#[derive(Default)]
pub(super) struct Ours(Mutex<State>);

#[derive(Default)]
struct State {
    /// Nobody else can have asked for these.
    names: BTreeSet<DeliveryName>,
    /// How many are being written, so that somebody waits for an answer.
    writing: usize,
}

/// A delivery that is being written.
pub(super) struct Writing<'o> {
    ours: &'o Ours,
    name: DeliveryName,
    is_taken: bool,
}

impl Ours {
    pub(super) fn begin(&self, name: DeliveryName) -> Writing<'_> {
        let mut state = self.state();
        state.names.insert(name.clone());
        state.writing += 1;
        Writing { ours: self, name, is_taken: false }
    }

    /// Says, once, whether this was taken here.
    pub(super) fn claim(&self, name: &DeliveryName) -> bool {
        self.state().names.remove(name)
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.state().writing > 0
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What is in it was whole before anything broke.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writing<'_> {
    /// It is written.
    pub(super) fn taken(mut self) {
        self.is_taken = true;
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let mut state = self.ours.state();
        state.writing -= 1;
        // Where nobody waited for its end, it is not known who has taken it.
        if !self.is_taken {
            state.names.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> DeliveryName {
        ("forge".parse().unwrap(), "d-1".to_owned())
    }

    #[test]
    fn what_was_written_here_is_ours_once() {
        let ours = Ours::default();

        ours.begin(name()).taken();

        assert!((ours.claim(&name()), ours.claim(&name())) == (true, false));
    }

    #[test]
    fn what_was_given_up_may_be_anybodys() {
        let ours = Ours::default();

        drop(ours.begin(name()));

        assert!(!ours.claim(&name()));
    }

    #[test]
    fn somebody_waits_until_it_is_written() {
        let ours = Ours::default();

        let writing = ours.begin(name());

        assert!(ours.is_awaited());
        writing.taken();
        assert!(!ours.is_awaited());
    }
}
