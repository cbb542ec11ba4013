//! Makes the guest, out of an archive, an image or another guest.

use crate::{
    Change, GuestSpec, Made, Origin, Owner, Phase, Plan, Property, Refusal, Seal, Seen, SeenParent,
    Step, StepName, Vmid,
};

/// Makes a container.
pub(super) struct CreateContainer;

/// Makes a virtual machine.
pub(super) struct CreateMachine;

impl Step for CreateContainer {
    fn name(&self) -> StepName {
        StepName::EnsureContainerDefined
    }

    fn reaches(&self) -> Phase {
        Phase::Created
    }

    fn plan(&self, want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        plan(want, seen)
    }
}

impl Step for CreateMachine {
    fn name(&self) -> StepName {
        StepName::EnsureVmDefined
    }

    fn reaches(&self) -> Phase {
        Phase::Created
    }

    fn plan(&self, want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        plan(want, seen)
    }
}

fn plan(want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
    let unprivileged = want.container().map(|container| container.unprivileged);
    // Most guests are there already, and the digest in it is not for nothing.
    let create = || Change::Create {
        origin: want.origin.clone(),
        root_disk: want.root_disk.clone(),
        unprivileged,
        properties: at_once(want),
    };
    let Some(guest) = &seen.guest else {
        can_be_made(want, seen)?;
        return Ok(Plan::from(create()));
    };
    match (guest.owner, guest.made) {
        (Owner::Somebody, _) => Err(Refusal::NotOurs),
        (Owner::Phoenix, Made::Half) => {
            can_be_made(want, seen)?;
            Ok(Plan::from_iter([Change::RemoveHalfMade, create()]))
        }
        (Owner::Phoenix, Made::Whole) if guest.unprivileged != unprivileged => {
            Err(Refusal::Fixed {
                what: "the guest",
                have: privilege(guest.unprivileged).to_owned(),
                want: privilege(unprivileged).to_owned(),
            })
        }
        (Owner::Phoenix, Made::Whole)
            if guest.parent.is_some() && guest.parent != want.parent() =>
        {
            Err(Refusal::Fixed {
                what: "the guest",
                have: origin(guest.parent),
                want: origin(want.parent()),
            })
        }
        (Owner::Phoenix, Made::Whole) if guest.root_disk.storage != want.root_disk.storage => {
            Err(Refusal::Fixed {
                what: "the storage of the root disk",
                have: guest.root_disk.storage.to_string(),
                want: want.root_disk.storage.to_string(),
            })
        }
        (Owner::Phoenix, Made::Whole) if guest.template.is_some() && !is_template(want) => {
            Err(Refusal::Fixed {
                what: "the guest",
                have: "a template".to_owned(),
                want: "a guest that runs".to_owned(),
            })
        }
        (Owner::Phoenix, Made::Whole) => Ok(Plan::nothing()),
    }
}

/// Says what keeps a guest from being made of what it is made of.
pub(super) fn can_be_made(want: &GuestSpec, seen: &Seen) -> Result<(), Refusal> {
    needs_parent(want, seen)?;
    inherits_what_is_wanted(want, seen)
}

/// Returns the properties a guest is made with. Only the name and our mark can be said when one is
/// cloned; what else it inherits and should not have is changed right after.
fn at_once(want: &GuestSpec) -> Vec<Property> {
    let mut properties = want.properties();
    if want.parent().is_some() {
        properties.retain(|property| matches!(property, Property::Name(_) | Property::Spec(_)));
    }
    properties
}

fn is_template(want: &GuestSpec) -> bool {
    matches!(want.seal, Some(Seal::Template { .. }))
}

/// Says before anything is copied what could not be changed afterwards.
fn inherits_what_is_wanted(want: &GuestSpec, seen: &Seen) -> Result<(), Refusal> {
    let Some(inheritance) = &seen.inheritance else { return Ok(()) };
    let unprivileged = want.container().map(|container| container.unprivileged);
    if inheritance.unprivileged == unprivileged {
        Ok(())
    } else {
        Err(Refusal::Fixed {
            what: "what it is cloned from",
            have: privilege(inheritance.unprivileged).to_owned(),
            want: privilege(unprivileged).to_owned(),
        })
    }
}

fn origin(parent: Option<Vmid>) -> String {
    match parent {
        Some(parent) => format!("a clone of {parent}"),
        None => "made from an archive or image".to_owned(),
    }
}

fn privilege(unprivileged: Option<bool>) -> &'static str {
    match unprivileged {
        Some(true) => "unprivileged",
        Some(false) => "privileged",
        None => "a virtual machine",
    }
}

fn needs_parent(want: &GuestSpec, seen: &Seen) -> Result<(), Refusal> {
    match (&want.origin, seen.parent) {
        (Origin::Clone { parent }, SeenParent::NotReady) => {
            Err(Refusal::ParentNotReady { parent: *parent })
        }
        (Origin::Clone { .. }, SeenParent::Ready)
        | (Origin::Template { .. } | Origin::CloudImage { .. }, _) => Ok(()),
    }
}
