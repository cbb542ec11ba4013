//! Grows the root disk to the size the config asks for.

use std::cmp::Ordering;

use crate::{Change, GuestSpec, Phase, Plan, Refusal, Seen, Step, StepName};

/// Proxmox cannot shrink a disk, so a smaller wish is a question for a human, not a plan.
pub(super) struct RootDisk;

impl Step for RootDisk {
    fn name(&self) -> StepName {
        StepName::EnsureContainerDiskSize
    }

    fn reaches(&self) -> Phase {
        Phase::Configured
    }

    fn plan(&self, want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        Ok(growth(want, seen)?.into_iter().collect())
    }
}

/// Returns how the root disk has to grow.
pub(super) fn growth(want: &GuestSpec, seen: &Seen) -> Result<Option<Change>, Refusal> {
    let have = seen.guest()?.root_disk.size;
    let want = want.root_disk.size;
    match want.cmp(&have) {
        Ordering::Equal => Ok(None),
        Ordering::Greater => Ok(Some(Change::GrowRootDisk { to: want })),
        Ordering::Less => {
            Err(Refusal::WouldShrink { what: "the root disk".to_owned(), have, want })
        }
    }
}
