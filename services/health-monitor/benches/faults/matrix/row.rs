//! A row of the matrix: what is right, and what was done.

use std::fmt;

use phoenix_domain::health::Rung;

/// What is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// It is no fault, or none that a repair would mend: nothing is done, and nobody is woken.
    Nothing,
    /// This mends it.
    Rung(Rung),
    /// A human is called, and nothing is touched.
    Human,
    /// It is one fault of several guests: one incident, and nothing is touched.
    OneIncident,
}

/// What was done.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// How many seconds after its begin it was found, and as what.
    pub(crate) found: Option<(i64, String)>,
    /// The repairs, in their order.
    pub(crate) repairs: Vec<Rung>,
    /// How many incidents people were told of.
    pub(crate) incidents: usize,
    pub(crate) is_human_called: bool,
}

/// A row of the matrix.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) wanted: Wanted,
    pub(crate) ours: Done,
    pub(crate) plain: Done,
}

impl Row {
    pub(crate) fn is_fault(&self) -> bool {
        self.wanted != Wanted::Nothing
    }

    pub(crate) fn is_ours_right(&self) -> bool {
        self.is_right(&self.ours)
    }

    pub(crate) fn is_plain_right(&self) -> bool {
        self.is_right(&self.plain)
    }

    fn is_right(&self, done: &Done) -> bool {
        let is_found = done.found.is_some();
        match self.wanted {
            Wanted::Nothing => done.repairs.is_empty() && !done.is_human_called,
            // Once is enough: it mends it.
            Wanted::Rung(rung) => is_found && done.repairs == [rung],
            Wanted::Human => is_found && done.repairs.is_empty() && done.is_human_called,
            Wanted::OneIncident => is_found && done.repairs.is_empty() && done.incidents == 1,
        }
    }

    /// Says whether a fault was not found.
    pub(crate) fn is_missed(&self, done: &Done) -> bool {
        self.is_fault() && done.found.is_none()
    }

    /// Counts the repairs that do not help, or do harm.
    pub(crate) fn false_repairs(&self, done: &Done) -> usize {
        match self.wanted {
            Wanted::Nothing | Wanted::Human | Wanted::OneIncident => done.repairs.len(),
            Wanted::Rung(rung) => done.repairs.iter().filter(|repair| **repair != rung).count(),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Nothing => "nothing",
            Self::Rung(rung) => rung.name(),
            Self::Human => "human",
            Self::OneIncident => "1 incident",
        })
    }
}
