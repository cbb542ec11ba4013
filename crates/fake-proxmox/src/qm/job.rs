//! What a worker does with a machine.

use serde::{Deserialize, Serialize};

use super::{change, copy, power};
use crate::die::Outcome;
use crate::run::Run;
use crate::schema::Values;

/// What a worker does with a machine.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) enum MachineJob {
    Create { vmid: u32, values: Values },
    Start { vmid: u32, skip_lock: bool },
    Stop { vmid: u32, skip_lock: bool },
    Shutdown { vmid: u32, force: bool },
    Destroy { vmid: u32, purge: bool, unreferenced: bool },
    Clone(copy::CloneMachine),
    Template { vmid: u32 },
    Snapshot { vmid: u32, name: String, description: Option<String> },
    DropSnapshot { vmid: u32, name: String },
    Resize { vmid: u32, disk: String, size: String },
}

impl MachineJob {
    pub(crate) fn run(self, run: &Run) -> Outcome<()> {
        match self {
            Self::Create { vmid, values } => change::create(run, vmid, values),
            Self::Start { vmid, skip_lock } => power::start(run, vmid, skip_lock),
            Self::Stop { vmid, skip_lock } => power::stop(run, vmid, skip_lock),
            Self::Shutdown { vmid, force } => power::shutdown(run, vmid, force),
            Self::Destroy { vmid, purge, unreferenced } => {
                copy::destroy(run, vmid, purge, unreferenced)
            }
            Self::Clone(clone) => clone.run(run),
            Self::Template { vmid } => copy::template(run, vmid),
            Self::Snapshot { vmid, name, description } => {
                copy::snapshot(run, vmid, &name, description)
            }
            Self::DropSnapshot { vmid, name } => copy::drop_snapshot(run, vmid, &name),
            Self::Resize { vmid, disk, size } => change::resize(run, vmid, &disk, &size),
        }
    }
}
