//! What must never happen, noted the moment it does.
//!
//! Most promises are about an action and not about a moment ("is begun", "is recorded"), so the
//! model notes a breach in the state, and the properties look for it there.

/// A promise that was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breach {
    AppliedTwice,
    Undone,
    Overlap,
    NotTheFold,
    NotTheHolder,
    RecordedTwice,
    BegunUnclaimed,
    BegunAfterCancelled,
    BegunLongAfterCancel,
    CompletedTooEarly,
    ChildBeforeParent,
}

/// Some breaches, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Breaches(u16);

impl Breaches {
    pub(crate) fn of(breaches: &[Breach]) -> Self {
        let mut all = Self::default();
        for breach in breaches {
            all.add(*breach);
        }
        all
    }

    pub(crate) fn add(&mut self, breach: Breach) {
        self.0 |= 1 << breach as u16;
    }

    pub(crate) fn has(self, breach: Breach) -> bool {
        self.0 & (1 << breach as u16) != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns these without the ones that are put up with.
    pub(crate) fn without(self, tolerated: Self) -> Self {
        Self(self.0 & !tolerated.0)
    }
}
