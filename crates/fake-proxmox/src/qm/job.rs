//! What a worker does with a machine.

use serde::{Deserialize, Serialize};

use crate::die::Outcome;
use crate::run::Run;

/// What a worker does with a machine.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) enum MachineJob {}

impl MachineJob {
    pub(crate) fn run(self, _: &Run) -> Outcome<()> {
        match self {}
    }
}
