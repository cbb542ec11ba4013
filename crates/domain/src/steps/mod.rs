//! The steps, one a file, and the ways they make up.

mod agent;
mod application;
mod configure;
mod create;
mod features;
mod finalise;
mod health;
mod root_disk;
mod snapshot;
mod start;
mod unless_sealed;
mod volumes;

use crate::{Body, GuestSpec, Phase, Plan, Seen, Step};

use self::agent::Agent;
use self::application::Application;
use self::configure::{ConfigureContainer, ConfigureMachine};
use self::create::{CreateContainer, CreateMachine};
use self::features::{FeaturesOfContainer, FeaturesOfMachine};
use self::finalise::Finalise;
use self::health::Healthy;
use self::root_disk::RootDisk;
use self::snapshot::{SnapshotOfContainer, SnapshotOfMachine};
use self::start::{StartContainer, StartMachine};
use self::unless_sealed::UnlessSealed;
use self::volumes::Volumes;

/// The whole way of a container.
pub static CONTAINER: &[&dyn Step] = &[
    &CreateContainer,
    &ConfigureContainer,
    &Volumes,
    &RootDisk,
    &UnlessSealed(&StartContainer),
    &UnlessSealed(&FeaturesOfContainer),
    &UnlessSealed(&Application),
    &UnlessSealed(&Healthy),
    &SnapshotOfContainer,
];

/// The whole way of a virtual machine.
pub static MACHINE: &[&dyn Step] = &[
    &CreateMachine,
    &ConfigureMachine,
    &UnlessSealed(&StartMachine),
    &UnlessSealed(&Agent),
    &UnlessSealed(&FeaturesOfMachine),
    &SnapshotOfMachine,
    &Finalise,
];

impl GuestSpec {
    /// Returns the steps this guest is taken through; those that do not concern it are left out.
    pub fn way(&self) -> Vec<&'static dyn Step> {
        let whole = match self.body {
            Body::Container(_) => CONTAINER,
            Body::Machine(_) => MACHINE,
        };
        whole.iter().copied().filter(|step| step.concerns(self)).collect()
    }
}

/// Returns how far the guest has come: the phase is computed from what is seen, not remembered.
///
/// It is completed when nothing is left for any of its steps, whichever is the last of its way.
pub fn reached(way: &[&dyn Step], want: &GuestSpec, seen: &Seen) -> Phase {
    let is_taken = |step: &&&dyn Step| step.plan(want, seen).as_ref().is_ok_and(Plan::is_empty);
    let mut taken = way.iter().take_while(is_taken).map(|step| step.reaches());
    match (taken.by_ref().last(), way.iter().all(|step| is_taken(&step))) {
        (_, true) => Phase::Completed,
        (Some(last), false) => last.min(Phase::Customizing),
        (None, false) => Phase::Defined,
    }
}
