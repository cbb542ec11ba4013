//! Takes the snapshot that clones are made from, of a guest at rest.

use crate::{
    Change, GuestSpec, Phase, Plan, Refusal, Run, Seal, Seen, SnapshotName, SpecDigest, Step,
    StepName,
};

/// Takes the snapshot of a container.
pub(super) struct SnapshotOfContainer;

/// Takes the snapshots of a machine.
pub(super) struct SnapshotOfMachine;

impl Step for SnapshotOfContainer {
    fn name(&self) -> StepName {
        StepName::CreateTemplateSnapshot
    }

    fn reaches(&self) -> Phase {
        Phase::Completed
    }

    fn concerns(&self, want: &GuestSpec) -> bool {
        want.seal.is_some()
    }

    fn plan(&self, want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        let contents = want.contents();
        let mut changes = Vec::new();
        if let Some(name) = want.seal.as_ref().and_then(Seal::snapshot) {
            changes = renewal(want, seen, name, &contents)?;
        }
        if matches!(want.seal, Some(Seal::Template { .. })) && seen.guest()?.template.is_none() {
            if seen.guest()?.run != Run::Stopped && changes.is_empty() {
                changes.push(Change::Stop);
            }
            changes.push(Change::ConvertToTemplate { contents });
        }
        Ok(changes.into_iter().collect())
    }
}

impl Step for SnapshotOfMachine {
    fn name(&self) -> StepName {
        StepName::CreateVmSnapshot
    }

    fn reaches(&self) -> Phase {
        Phase::Completed
    }

    fn concerns(&self, want: &GuestSpec) -> bool {
        after_features(want).is_some() || want.seal.as_ref().and_then(Seal::snapshot).is_some()
    }

    fn plan(&self, want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        let guest = seen.guest()?;
        let mut changes: Vec<_> = after_features(want)
            .filter(|name| !guest.snapshots.contains_key(*name))
            .map(|name| Change::TakeSnapshot { name: name.clone(), contents: None })
            .into_iter()
            .collect();
        if let Some(name) = want.seal.as_ref().and_then(Seal::snapshot) {
            changes.extend(renewal(want, seen, name, &want.contents())?);
        }
        Ok(changes.into_iter().collect())
    }
}

fn after_features(want: &GuestSpec) -> Option<&SnapshotName> {
    want.machine().and_then(|machine| machine.after_features.as_ref())
}

/// Returns what makes the snapshot hold what it should, in place of one that holds something else.
fn renewal(
    want: &GuestSpec,
    seen: &Seen,
    name: &SnapshotName,
    contents: &SpecDigest,
) -> Result<Vec<Change>, Refusal> {
    let guest = seen.guest()?;
    let mut changes = Vec::new();
    // Also where the snapshot is there: a parent at rest does not run.
    if want.rests() && guest.run != Run::Stopped {
        changes.push(Change::Stop);
    }
    if guest.is_sealed(Some(name), contents) {
        return Ok(changes);
    }
    if guest.snapshots.contains_key(name) {
        changes.push(Change::RemoveSnapshot { name: name.clone() });
    }
    changes.push(Change::TakeSnapshot { name: name.clone(), contents: Some(contents.clone()) });
    Ok(changes)
}
