//! Guests that are taken through all nine steps.

use phoenix_domain::{
    Cause, Class, Desired, Fact, GuestKey, NodeName, Record, Requested, RunId, SpecDigest, SpecText,
};
use phoenix_testkit::guest;

/// Returns the request of the `nth` guest.
pub(crate) fn request(nth: u32, stands_on: &[GuestKey], before: Option<&Record>) -> Fact {
    let spec = guest(u64::from(1000 + nth))
        .features(&["base_setup"])
        .application("application.sh")
        .volume("data", "/data", 8)
        .seal("template-ready")
        .build();
    let desired = Desired {
        revision: before.map_or(1, |before| before.desired.revision + 1),
        run: "r-0bench".parse::<RunId>().unwrap(),
        host: "bench".parse::<NodeName>().unwrap(),
        class: Class::Std,
        cause: Cause::Submitted,
        digest: SpecDigest::of(&spec),
        stands_on: stands_on.to_vec(),
        by: "bench".to_owned(),
        cancelled: false,
        trusts_log: false,
        spec: SpecText::of(&spec).unwrap(),
    };
    Requested { desired: Box::new(desired) }.into()
}

/// Returns the name of the `nth` guest.
pub(crate) fn key(nth: u32) -> GuestKey {
    format!("lxc-{}", 1000 + nth).parse().unwrap()
}
