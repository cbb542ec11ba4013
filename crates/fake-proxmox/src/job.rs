//! What a worker can be told to do.

use serde::{Deserialize, Serialize};

use crate::die::Outcome;
use crate::pct::{clone, create, destroy, files, power, resize, snapshot, template};
use crate::run::Run;
use crate::storage::Storages;
use crate::{pvesm, qm};

/// What a worker can be told to do.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) enum Job {
    Create(create::Create),
    Start(power::Start),
    Stop(power::Stop),
    Shutdown(power::Shutdown),
    Reboot(power::Reboot),
    Destroy(destroy::Destroy),
    Clone(clone::Clone),
    Template { vmid: u32 },
    Snapshot(snapshot::Take),
    DropSnapshot(snapshot::Drop),
    RollBack(snapshot::RollBack),
    Resize(resize::Resize),
    Push(files::Push),
    Pull(files::Pull),
    Free { volume: String },
    Machine(qm::job::MachineJob),
}

impl Job {
    pub(crate) fn run(self, run: &Run) -> Outcome<()> {
        match self {
            Self::Create(job) => job.run(run),
            Self::Start(job) => job.run(run),
            Self::Stop(job) => job.run(run),
            Self::Shutdown(job) => job.run(run),
            Self::Reboot(job) => job.run(run),
            Self::Destroy(job) => job.run(run),
            Self::Clone(job) => job.run(run),
            Self::Template { vmid } => template::run(run, vmid),
            Self::Snapshot(job) => job.run(run),
            Self::DropSnapshot(job) => job.run(run),
            Self::RollBack(job) => job.run(run),
            Self::Resize(job) => job.run(run),
            Self::Push(job) => job.run(run),
            Self::Pull(job) => job.run(run),
            Self::Free { volume } => pvesm::free(run, &Storages::read(run)?, &volume),
            Self::Machine(job) => job.run(run),
        }
    }
}
