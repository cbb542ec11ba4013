//! Pushes whose guests go back where they fail.

use phoenix_testkit::host::{Fault, FaultKind};
use serde_json::json;

use super::forge::{Forge, Statuses, tell};
use super::{said, until};
use crate::survive::site::lxc;
use crate::verbs::site::Site;

#[tokio::test]
async fn a_guest_that_fails_is_what_it_was_and_the_forge_is_told_so() {
    let (site, _worker) = Site::complete().await;
    let before = site.inner.host.files();
    let (forge, _) = Forge::new(&site);
    let mut statuses = Statuses::start("127.0.0.1:0").await;
    let fleet = json!({
        "status": forge.status(&statuses.url),
        "safely": { "hold_seconds": 1, "canary": 950 },
    });
    let served = forge.served(&site, &fleet, &json!([])).await;
    let refused = Fault::new(FaultKind::Refuse).guest(lxc(950)).kind("set-properties");
    let fault = site.inner.host.fault(refused.always());
    site.write(1024, 20);
    let commit = forge.push_site(&site);

    tell(&served, "d-1", &commit).await;

    let told = statuses.until(&commit, "failure").await;
    let text = told.body["description"].as_str().unwrap();
    assert!(text.ends_with("it is again what it was"), "{text}");
    assert_eq!(site.inner.host.files(), before);
    assert_eq!(site.state("950").await["safety"]["is"], "returned");
    let table = site.ok(&["deliveries"]).await;
    assert!(table.out.contains("lxc-950 went back: `phoenix dead replay "), "{table:?}");

    site.inner.host.without_fault(fault);
    site.write(1536, 20);
    let mended = forge.push_site(&site);
    tell(&served, "d-2", &mended).await;
    statuses.until(&mended, "success").await;
    assert!(said(&until(&site, "d-2", "run").await).ends_with("1 guest: lxc-950"));
}
