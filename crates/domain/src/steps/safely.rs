//! Keeps a way back while a guest is changed, and takes it.

use std::time::Duration;

use super::health::Healthy;
use crate::{
    Change, Facets, GuestSpec, NoWayBack, Phase, Plan, Refusal, Run, Seen, SnapshotName, Step,
    StepName, Volume, foresee,
};

/// Takes a snapshot of the guest, where anything is to be changed.
struct KeepWayBack {
    snapshot: SnapshotName,
    /// What is to be done to it.
    way: Vec<Box<dyn Step>>,
}

/// Waits until the guest was healthy for a while without a break.
struct HoldHealth {
    snapshot: SnapshotName,
    hold: Duration,
}

/// Removes the snapshot: what is new has held.
struct DropWayBack {
    snapshot: SnapshotName,
}

/// Goes back to the snapshot.
struct Return {
    snapshot: SnapshotName,
}

/// Returns the steps to what the spec says, with a way back.
pub(crate) fn guarded(
    want: &GuestSpec,
    snapshot: &SnapshotName,
    hold_s: u32,
    way: Vec<Box<dyn Step>>,
) -> Vec<Box<dyn Step>> {
    let hold = Duration::from_secs(hold_s.into());
    let keep = KeepWayBack { snapshot: snapshot.clone(), way: want.way() };
    let first: Box<dyn Step> = Box::new(keep);
    let watched: Box<dyn Step> = Box::new(HoldHealth { snapshot: snapshot.clone(), hold });
    let dropped: Box<dyn Step> = Box::new(DropWayBack { snapshot: snapshot.clone() });
    std::iter::once(first).chain(way).chain([watched, dropped]).collect()
}

/// Returns the step that goes back.
pub(crate) fn returning(snapshot: &SnapshotName) -> Box<dyn Step> {
    Box::new(Return { snapshot: snapshot.clone() })
}

fn is_there(snapshot: &SnapshotName, seen: &Seen) -> bool {
    seen.guest.as_ref().is_some_and(|guest| guest.snapshots.contains_key(snapshot))
}

impl Step for KeepWayBack {
    fn name(&self) -> StepName {
        StepName::KeepWayBack
    }

    fn reaches(&self) -> Phase {
        Phase::Created
    }

    fn needs(&self) -> Facets {
        Facets::Inside
    }

    fn plan(&self, want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        let Some(guest) = &seen.guest else { return Ok(Plan::nothing()) };
        if is_there(&self.snapshot, seen) {
            return Ok(Plan::nothing());
        }
        // Whatever its steps refuse, they say themselves.
        let (ahead, _) = foresee(want, &self.way, seen);
        let grows = |change: &Change| {
            matches!(change, Change::GrowVolume { .. } | Change::GrowRootDisk { .. })
        };
        let none = if ahead.is_empty() {
            return Ok(Plan::nothing());
        } else if want.seal.is_some() {
            Some(NoWayBack::Parent)
        } else if want.machine().is_some() {
            Some(NoWayBack::Machine)
        } else if guest.freezes_volumes && guest.volumes.iter().any(Volume::is_own) {
            Some(NoWayBack::Volumes)
        } else if ahead.iter().any(|foreseen| grows(&foreseen.change)) {
            Some(NoWayBack::Growth)
        } else {
            None
        };
        match none {
            Some(none) => Err(Refusal::NoWayBack(none)),
            None => Ok(Change::TakeSnapshot { name: self.snapshot.clone(), contents: None }.into()),
        }
    }
}

impl Step for HoldHealth {
    fn name(&self) -> StepName {
        StepName::HoldHealth
    }

    fn reaches(&self) -> Phase {
        Phase::Completed
    }

    fn needs(&self) -> Facets {
        Facets::Inside
    }

    fn plan(&self, want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        Healthy.plan(want, seen)
    }

    fn holds(&self, seen: &Seen) -> Option<Duration> {
        // Without a snapshot nothing was changed, or the new has held already.
        is_there(&self.snapshot, seen).then_some(self.hold)
    }
}

impl Step for DropWayBack {
    fn name(&self) -> StepName {
        StepName::DropWayBack
    }

    fn reaches(&self) -> Phase {
        Phase::Completed
    }

    fn plan(&self, _want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        let there = is_there(&self.snapshot, seen);
        let remove = there.then(|| Change::RemoveSnapshot { name: self.snapshot.clone() });
        Ok(remove.into_iter().collect())
    }
}

impl Step for Return {
    fn name(&self) -> StepName {
        StepName::ReturnToSnapshot
    }

    fn reaches(&self) -> Phase {
        Phase::Created
    }

    fn plan(&self, _want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        if !is_there(&self.snapshot, seen) {
            return Ok(Plan::nothing());
        }
        let stop = (seen.ours()?.run != Run::Stopped).then_some(Change::Stop);
        // Removed at once: whoever is killed in between goes back once more, and nothing ran since.
        let back = Change::RollBack { name: self.snapshot.clone() };
        let remove = Change::RemoveSnapshot { name: self.snapshot.clone() };
        Ok(stop.into_iter().chain([back, remove]).collect())
    }
}
