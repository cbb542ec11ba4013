//! The steps, one a file, and the ways they make up.

mod adopt;
mod agent;
mod application;
mod configure;
mod create;
mod features;
mod finalise;
mod health;
mod if_there;
mod power;
mod remove;
mod repair;
mod root_disk;
mod safely;
mod set_aside;
mod snapshot;
mod start;
mod unless_sealed;
mod volumes;

use crate::{BootId, Goal, GuestSpec, Phase, Plan, Seen, Step};

use self::adopt::Adopt;
use self::agent::Agent;
use self::application::Application;
use self::configure::{ConfigureContainer, ConfigureMachine};
use self::create::{CreateContainer, CreateMachine};
use self::features::{FeaturesOfContainer, FeaturesOfMachine};
use self::finalise::Finalise;
use self::health::Healthy;
use self::if_there::IfThere;
use self::power::{Restart, Stop};
pub(crate) use self::remove::Remove;
use self::repair::{Reapply, RestartServices};
use self::root_disk::RootDisk;
pub(crate) use self::safely::{guarded, returning};
pub(crate) use self::set_aside::SetAside;
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
    &UnlessSealed(&Healthy),
    &SnapshotOfMachine,
    &Finalise,
];

/// The way of a container that is only to run.
pub(crate) static RUNNING_CONTAINER: &[&dyn Step] =
    &[&IfThere(UnlessSealed(&StartContainer)), &UnlessSealed(&Healthy)];

/// The way of a virtual machine that is only to run.
pub(crate) static RUNNING_MACHINE: &[&dyn Step] =
    &[&IfThere(UnlessSealed(&StartMachine)), &UnlessSealed(&Agent), &UnlessSealed(&Healthy)];

/// What follows where a container was started anew.
pub(crate) static RESTARTED_CONTAINER: &[&dyn Step] = &[&Healthy];

/// What follows where a virtual machine was started anew.
pub(crate) static RESTARTED_MACHINE: &[&dyn Step] = &[&Agent, &Healthy];

/// What follows where a virtual machine was started anew because it did not serve.
pub(crate) static REPAIRED_MACHINE: &[&dyn Step] = &[&Agent];

/// What follows where the application of a container was forgotten.
pub(crate) static REAPPLIED_CONTAINER: &[&dyn Step] = &[&Application];

/// The way of a guest that is to stand still.
pub(crate) static STOPPED: &[&dyn Step] = &[&IfThere(Stop)];

/// Returns the step that takes a guest over.
pub(crate) fn adopt() -> Box<dyn Step> {
    Box::new(IfThere(Adopt))
}

/// Returns the step that starts a guest anew, where `before` ran when that was begun.
pub(crate) fn restart(before: Option<BootId>) -> Box<dyn Step> {
    Box::new(IfThere(Restart { before }))
}

/// Returns the step that starts what a guest serves anew, where `before` was its last repair when
/// that was begun.
pub(crate) fn restart_services(before: Option<BootId>) -> Box<dyn Step> {
    Box::new(IfThere(RestartServices { before }))
}

/// Returns the step that has the application of a guest set up once more, where `before` was its
/// last repair when that was begun.
pub(crate) fn reapply(before: Option<BootId>) -> Box<dyn Step> {
    Box::new(IfThere(Reapply { before }))
}

impl GuestSpec {
    /// Returns the steps that make this guest what it says.
    pub fn way(&self) -> Vec<Box<dyn Step>> {
        Goal::Present.way(self, None)
    }
}

/// Returns how far the guest has come: the phase is computed from what is seen, not remembered.
///
/// It is completed when nothing is left for any of its steps, whichever is the last of its way.
pub fn reached(way: &[Box<dyn Step>], want: &GuestSpec, seen: &Seen) -> Phase {
    let is_taken = |step: &dyn Step| step.plan(want, seen).as_ref().is_ok_and(Plan::is_empty);
    let steps = || way.iter().map(AsRef::as_ref);
    let taken = steps().take_while(|step| is_taken(*step)).map(Step::reaches);
    match (taken.last(), steps().all(is_taken)) {
        (_, true) => Phase::Completed,
        (Some(last), false) => last.min(Phase::Customizing),
        (None, false) => Phase::Defined,
    }
}
