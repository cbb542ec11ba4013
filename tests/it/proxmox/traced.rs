//! What runs inside of a guest is told in which trace it was asked for.

use serde_json::json;

use super::site::Site;

#[tokio::test]
async fn what_is_run_in_a_guest_finds_the_trace_it_was_asked_for_in() {
    let given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let site = Site::of("examples/postgresql").await;
    site.pve.archive(
        "/var/lib/tank-library/template/cache/ubuntu-24.04-standard_24.04-2_amd64.tar.zst",
    );
    for feature in ["base_setup", "postgresql"] {
        site.pve.feature(feature);
    }
    let check = format!("test \"$TRACEPARENT\" = {given}");
    site.change(|guests| {
        guests["930"].as_object_mut().unwrap().remove("secrets");
        guests["930"]["health_check"] = json!({ "command": check, "retries": 1 });
    });
    let _worker = site.worker();

    site.ok(&["submit", "930", "--host", "pve1", "--traceparent", given]).await;

    // Another trace is none that is to be installed for: the receipts are there.
    let other = given.replace('3', "4");
    site.change(|guests| guests["930"]["health_check"]["command"] = json!(check.replace('3', "4")));
    let again = site.ok(&["submit", "930", "--host", "pve1", "--traceparent", &other]).await;
    assert!(!again.out.contains("install"), "{again:?}");
}
