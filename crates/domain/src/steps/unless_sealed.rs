//! Leaves a guest at rest that others can be cloned from.

use crate::{Brings, Facets, GuestSpec, Phase, Plan, Refusal, Seal, Seen, Step, StepName};

/// A step that has nothing to do once the guest rests with its contents sealed.
///
/// Without it the next walk would start a finished template again, only to stop it at its end.
pub(super) struct UnlessSealed(pub(super) &'static dyn Step);

impl Step for UnlessSealed {
    fn name(&self) -> StepName {
        self.0.name()
    }

    fn reaches(&self) -> Phase {
        self.0.reaches()
    }

    fn concerns(&self, want: &GuestSpec) -> bool {
        self.0.concerns(want)
    }

    fn needs(&self) -> Facets {
        self.0.needs()
    }

    fn plan(&self, want: &GuestSpec, seen: &Seen) -> Result<Plan, Refusal> {
        if !want.rests() {
            return self.0.plan(want, seen);
        }
        let guest = seen.guest()?;
        match (&want.seal, &guest.template) {
            (Some(Seal::Template { .. }), Some(have)) => {
                let contents = want.contents();
                // One that was made before anything was brought along cannot be looked into any more: it is
                // taken to hold what it should.
                let before = GuestSpec { brings: Brings::default(), ..want.clone() };
                if *have == contents || *have == before.contents() {
                    Ok(Plan::nothing())
                } else {
                    Err(Refusal::Fixed {
                        what: "what the template holds",
                        have: have.short().to_owned(),
                        want: contents.short().to_owned(),
                    })
                }
            }
            (Some(Seal::Snapshot(name)), _)
                if !guest.snapshots.is_empty() && guest.is_sealed(Some(name), &want.contents()) =>
            {
                Ok(Plan::nothing())
            }
            (Some(_) | None, _) => self.0.plan(want, seen),
        }
    }
}
