//! The files of a gateway: nginx, generated from what it leads to.
//!
//! The same upstreams give the same bytes, in whichever order they come. Nothing that people write
//! gets into a file but names that are one label of a host name, addresses and ports. Upstreams are
//! addresses and never names, so that nginx starts although none of them is there.
//!
//! What only the guest knows is left for the feature: `@certificate@`, `@key@` and `@generation@`
//! are put in there, and lines that end in `# tls` or `# ipv6` are left out where they do not apply.

mod http;
mod offer;
mod stream;
#[cfg(test)]
mod tests;

use phoenix_domain::{FeatureName, Upstream};

use self::offer::Offers;

/// What the scripts of a feature say that asks for these files.
pub(crate) const VARIABLE: &str = "PHOENIX_GATEWAY";
/// Where the files are in the bundle.
pub(crate) const FOLDER: &str = "gateway";

/// Returns the files by their names in the bundle. `streams` says of a feature whether its answers
/// take minutes and come piece by piece.
pub(crate) fn files(
    upstreams: &[Upstream],
    streams: impl Fn(&FeatureName) -> bool,
) -> Vec<(String, String)> {
    let offers = Offers::of(upstreams, streams);
    let named = |name: &str, text| (format!("{FOLDER}/{name}"), text);
    vec![named("http.conf", http::text(&offers)), named("stream.conf", stream::text(&offers))]
}

/// What is said at the top of a file.
const HEAD: &str = "\
# Written by Phoenix from the routes of all guests. What is changed here is lost: docs/gateway.md says
# where a site of one's own goes.
";
