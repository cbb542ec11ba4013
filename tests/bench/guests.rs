//! Guests whose changes cost nothing.

use phoenix_domain::{
    Cause, Class, Desired, Fact, GuestKey, GuestSpec, NodeName, Requested, RunId, SpecDigest,
    SpecText,
};
use phoenix_testkit::{Builder, guest};

/// The number of the first one.
pub(crate) const FIRST: u32 = 1000;

/// Returns the request of the `nth` guest, which is taken through all nine steps.
pub(crate) fn request(nth: u32, stands_on: &[GuestKey]) -> Fact {
    asked(&setup(nth).seal("template-ready").build(), stands_on)
}

/// Returns the request of the `nth` guest, which serves when it is complete, and can be restarted.
pub(crate) fn serving(nth: u32) -> Fact {
    asked(&setup(nth).build(), &[])
}

/// Returns the `run`th request of the `nth` guest, with more memory each time.
pub(crate) fn again(nth: u32, run: u32) -> Fact {
    let spec = setup(nth).seal("template-ready").memory(512 + u64::from(run)).build();
    asked_again(&spec, &[], run)
}

fn setup(nth: u32) -> Builder {
    guest(u64::from(FIRST + nth))
        .features(&["base_setup"])
        .application("application.sh")
        .volume("data", "/data", 8)
}

fn asked(spec: &GuestSpec, stands_on: &[GuestKey]) -> Fact {
    asked_again(spec, stands_on, 1)
}

fn asked_again(spec: &GuestSpec, stands_on: &[GuestKey], run: u32) -> Fact {
    let desired = Desired {
        revision: run.into(),
        run: "r-0bench".parse::<RunId>().unwrap(),
        host: "bench".parse::<NodeName>().unwrap(),
        class: Class::Std,
        cause: Cause::Submitted,
        digest: SpecDigest::of(spec),
        stands_on: stands_on.to_vec(),
        by: "bench".to_owned(),
        cancelled: false,
        trusts_log: false,
        goal: phoenix_domain::Goal::Present,
        safety: None,
        after: Vec::new(),
        tried: std::collections::BTreeMap::new(),
        spec: SpecText::of(spec).unwrap(),
    };
    Requested { desired: Box::new(desired) }.into()
}

/// Returns the name of the `nth` guest.
pub(crate) fn key(nth: u32) -> GuestKey {
    format!("lxc-{}", FIRST + nth).parse().unwrap()
}
