//! What a host says is looked at: neither its lies nor a careless step go unseen.

use std::sync::Mutex;

use phoenix_domain::health::Facts;
use phoenix_domain::{
    Back, Change, Facets, Goal, GuestSpec, Run, Safety, Seen, SpecDigest, SpecText, StepName,
    Verdict,
};
use phoenix_engine::{Caution, Outcome, StepError};
use phoenix_hypervisor::simulated::{Fault, FaultKind, Simulated, admin};
use phoenix_hypervisor::{Depth, Hand, HostError, Hypervisor, Inspected, Inventory};
use phoenix_testkit::guest;

use crate::host::{cautious_walk_on, changes, host, walk_on, walk_the};

#[tokio::test]
async fn a_host_that_lies_is_found_out() {
    let host = host();
    let want = guest(950).features(&["docker"]).build();
    host.fault(Fault::new(FaultKind::Lie).kind("install-feature"));

    let outcome = host.walk(&want).await;

    let Outcome::Stuck { err, .. } = outcome else { panic!("{outcome:?}") };
    assert!(matches!(err, StepError::DidNotHold { .. }), "{err}");
    assert_eq!(err.verdict(), Verdict::Retry);
    assert_eq!(err.change().map(Change::kind), Some("install-feature"));
}

/// A host that answers in its own way: what is never seen as it was set is never held.
struct Forgetful(Simulated);

impl Hypervisor for Forgetful {
    async fn look(&self, want: &GuestSpec, facets: Facets) -> Result<Seen, HostError> {
        let mut seen = self.0.look(want, facets).await?;
        if let Some(guest) = &mut seen.guest {
            guest.run = Run::Stopped;
        }
        Ok(seen)
    }

    async fn apply(&self, want: &GuestSpec, change: &Change, hand: &Hand) -> Result<(), HostError> {
        self.0.apply(want, change, hand).await
    }

    async fn facts(&self) -> Result<Facts, HostError> {
        self.0.facts().await
    }

    async fn inventory(&self) -> Result<Inventory, HostError> {
        self.0.inventory().await
    }
}

#[tokio::test]
async fn a_step_that_is_never_content_is_found_out() {
    let host = host();

    let outcome = walk_on(&Forgetful(host.simulated.clone()), &guest(950).build(), 0).await;

    let Outcome::Stuck { err, .. } = outcome else { panic!("{outcome:?}") };
    assert!(matches!(err, StepError::DidNotHold { .. }), "{err}");
    let starts = host.ledger().iter().filter(|entry| entry.kind == "start").count();
    assert_eq!(starts, 2, "its begin and its end, and no more");
}

/// A host whose guest is gone whenever it is looked at for the third time.
struct Thieving(Simulated, Mutex<u32>);

impl Hypervisor for Thieving {
    async fn look(&self, want: &GuestSpec, facets: Facets) -> Result<Seen, HostError> {
        let mut seen = self.0.look(want, facets).await?;
        let mut looks = self.1.lock().unwrap();
        *looks += 1;
        if *looks == 3 {
            seen.guest = None;
        }
        Ok(seen)
    }

    async fn apply(&self, want: &GuestSpec, change: &Change, hand: &Hand) -> Result<(), HostError> {
        self.0.apply(want, change, hand).await
    }

    async fn facts(&self) -> Result<Facts, HostError> {
        self.0.facts().await
    }

    async fn inventory(&self) -> Result<Inventory, HostError> {
        self.0.inventory().await
    }
}

#[tokio::test]
async fn a_guest_that_vanishes_in_the_middle_is_made_anew_by_the_next_walk() {
    let host = host();
    let want = guest(950).build();
    let thieving = Thieving(host.simulated.clone(), Mutex::new(0));

    let outcome = walk_on(&thieving, &want, 0).await;

    let Outcome::Stuck { err, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(err.verdict(), Verdict::Retry);
    changes(&walk_on(&thieving, &want, 0).await);
}

/// A host that looks well from outside, as real ones do between two checks.
struct Ailing(Simulated);

impl Hypervisor for Ailing {
    async fn look(&self, want: &GuestSpec, facets: Facets) -> Result<Seen, HostError> {
        self.0.look(want, facets).await
    }

    async fn apply(&self, want: &GuestSpec, change: &Change, hand: &Hand) -> Result<(), HostError> {
        self.0.apply(want, change, hand).await
    }

    async fn inspect(
        &self,
        want: &GuestSpec,
        depth: Depth,
        hand: &Hand,
    ) -> Result<Inspected, HostError> {
        let ailing = Some("docker: it is not up (exit status: 1)".to_owned());
        Ok(Inspected { ailing, ..self.0.inspect(want, depth, hand).await? })
    }

    async fn facts(&self) -> Result<Facts, HostError> {
        self.0.facts().await
    }

    async fn inventory(&self) -> Result<Inventory, HostError> {
        self.0.inventory().await
    }
}

#[tokio::test]
async fn what_fails_inside_while_it_should_hold_is_found_and_named() {
    let host = host();
    let was = guest(950).features(&["docker"]).build();
    host.arrive(&was).await;
    let want = guest(950).features(&["docker"]).cores(4).build();
    let spec = SpecText::of(&was).unwrap();
    let back = Back { digest: SpecDigest::of(&was), stands_on: Vec::new(), spec };
    let snapshot = "before-that".parse().unwrap();
    let safety = Safety::Guarded { snapshot, hold_s: 1, back: Box::new(back) };
    let way = safety.around(&want, Goal::Present.way(&want, None));

    let outcome = walk_the(&way, &Ailing(host.simulated.clone()), &want).await;

    let Outcome::Stuck { step: StepName::HoldHealth, err } = outcome else { panic!("{outcome:?}") };
    assert!(err.to_string().ends_with("and then: docker: it is not up (exit status: 1)"), "{err}");
}

#[tokio::test]
async fn nothing_is_destroyed_where_that_is_forbidden() {
    let host = host();
    let want = guest(950).build();
    host.fault(Fault::new(FaultKind::Half).kind("create"));
    host.walk(&want).await;

    let outcome = cautious_walk_on(&host.simulated, &want, 0, Caution::DestroyNothing).await;

    let Outcome::Stuck { err, .. } = outcome else { panic!("{outcome:?}") };
    assert!(matches!(err, StepError::WouldDestroy { .. }), "{err}");
    assert_eq!(err.verdict(), Verdict::AskHuman);
    assert!(host.ledger().iter().all(|entry| entry.kind != "remove-half-made"));
    host.arrive(&want).await;
}

#[tokio::test]
async fn what_others_have_done_is_undone() {
    let host = host();
    let want = guest(950).cores(4).features(&["docker"]).build();
    host.arrive(&want).await;
    let whole = host.guests();
    let key = (&want).into();

    admin::stop(host.dir.path(), key).unwrap();
    let other = guest(950).cores(1).name("renamed").build().properties();
    admin::set(host.dir.path(), key, &other).unwrap();

    assert_eq!(host.arrive(&want).await, 2);
    assert_eq!(host.guests(), whole);
    admin::remove(host.dir.path(), key).unwrap();
    host.arrive(&want).await;
    assert_eq!(host.guests(), whole);
}

#[tokio::test]
async fn what_a_clone_inherits_and_is_not_to_have_goes() {
    let host = host();
    let parent = guest(900).cores(8).gpus("0").volume("old", "/old", 1).seal("base").build();
    host.arrive(&parent).await;
    let want = guest(950).of(900).build();

    host.arrive(&want).await;

    let seen = host.look(&want).await.guest.unwrap();
    assert_eq!(seen.volumes, []);
    assert!(want.properties().iter().all(|property| seen.properties.contains(property)));
}
