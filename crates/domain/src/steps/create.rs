//! Makes the guest, out of an archive, an image or another guest.

use crate::{
    Change, GuestSpec, Made, Origin, Owner, Phase, Plan, Refusal, Seal, Seen, SeenParent, Step,
    StepName,
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
    let create = Change::Create {
        origin: want.origin.clone(),
        root_disk: want.root_disk.clone(),
        unprivileged,
    };
    let Some(guest) = &seen.guest else {
        return needs_parent(want, seen).map(|()| Plan::from(create));
    };
    match (guest.owner, guest.made) {
        (Owner::Somebody, _) => Err(Refusal::NotOurs),
        (Owner::Phoenix, Made::Half) => {
            needs_parent(want, seen)?;
            Ok(Plan::from_iter([Change::RemoveHalfMade, create]))
        }
        (Owner::Phoenix, Made::Whole) if guest.unprivileged != unprivileged => {
            let said = |is_unprivileged| match is_unprivileged {
                Some(true) => "unprivileged",
                Some(false) => "privileged",
                None => "a virtual machine",
            };
            Err(Refusal::Fixed {
                what: "the guest",
                have: said(guest.unprivileged).to_owned(),
                want: said(unprivileged).to_owned(),
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

fn is_template(want: &GuestSpec) -> bool {
    matches!(want.seal, Some(Seal::Template { .. }))
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
