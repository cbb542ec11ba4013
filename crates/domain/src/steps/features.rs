//! Installs features in their order; one with a receipt for the recipe at hand is left alone.

use crate::{Change, Facets, GuestSpec, Phase, Plan, Refusal, Seen, Step, StepName};

/// Installs the features of a container.
pub(super) struct FeaturesOfContainer;

/// Installs the features of a machine, between the snapshots its operator asked for.
pub(super) struct FeaturesOfMachine;

impl Step for FeaturesOfContainer {
    fn name(&self) -> StepName {
        StepName::ApplyFeatures
    }

    fn reaches(&self) -> Phase {
        Phase::Customizing
    }

    fn concerns(&self, want: &GuestSpec) -> bool {
        !want.features.is_empty()
    }

    fn needs(&self) -> Facets {
        Facets::Inside
    }

    fn plan(&self, want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        Ok(missing(want, seen)?.into_iter().collect())
    }
}

impl Step for FeaturesOfMachine {
    fn name(&self) -> StepName {
        StepName::ApplyVmFeatures
    }

    fn reaches(&self) -> Phase {
        Phase::Customizing
    }

    fn concerns(&self, want: &GuestSpec) -> bool {
        !want.features.is_empty()
    }

    fn needs(&self) -> Facets {
        Facets::Inside
    }

    fn plan(&self, want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        let missing = missing(want, seen)?;
        let before = want.machine().and_then(|machine| machine.before_features.as_ref());
        // Once a feature is in, a snapshot called "before the features" would be a lie.
        let untouched = missing.len() == want.features.len();
        let snapshot = before
            .filter(|name| untouched && !seen.guest.iter().any(|g| g.snapshots.contains_key(*name)))
            .map(|name| Change::TakeSnapshot { name: name.clone(), contents: None });
        Ok(snapshot.into_iter().chain(missing).collect())
    }
}

fn missing(want: &GuestSpec, seen: &Seen) -> Result<Vec<Change>, Refusal> {
    let have = &seen.inside()?.features;
    let missing = want.features.iter().filter(|feature| !have.contains(*feature));
    Ok(missing.map(|feature| Change::InstallFeature { feature: feature.clone() }).collect())
}
