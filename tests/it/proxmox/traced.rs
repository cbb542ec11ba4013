//! What runs inside of a guest is told in which trace it was asked for.

use std::fs;

use serde_json::json;

use super::machines;
use super::site::Site;

const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test]
async fn what_is_run_in_a_guest_finds_the_trace_it_was_asked_for_in() {
    let site = Site::of("examples/postgresql").await;
    site.pve.archive(
        "/var/lib/tank-library/template/cache/ubuntu-24.04-standard_24.04-2_amd64.tar.zst",
    );
    for feature in ["base_setup", "postgresql"] {
        site.pve.feature(feature);
    }
    let check = format!("test \"$TRACEPARENT\" = {GIVEN}");
    site.change(|guests| {
        guests["930"].as_object_mut().unwrap().remove("secrets");
        guests["930"]["health_check"] = json!({ "command": check, "retries": 1 });
    });
    let _worker = site.worker();

    site.ok(&["submit", "930", "--host", "pve1", "--traceparent", GIVEN]).await;

    // Another trace is none that is to be installed for: the receipts are there.
    let other = GIVEN.replace('3', "4");
    site.change(|guests| guests["930"]["health_check"]["command"] = json!(check.replace('3', "4")));
    let again = site.ok(&["submit", "930", "--host", "pve1", "--traceparent", &other]).await;
    assert!(!again.out.contains("install"), "{again:?}");
}

#[tokio::test]
async fn what_is_run_in_a_machine_finds_it_too_and_is_not_run_again_for_another_one() {
    let (site, secrets) = machines::quickstart().await;
    let script = "#!/bin/sh\nset -eu\necho \"$TRACEPARENT\" >>/opt/traces\n";
    site.pve.write("features", "docker/install.sh", script);
    let _worker = machines::worker(&site, "a", &secrets);
    let traces = || fs::read_to_string(machines::inside(&site, 8001, "opt/traces")).unwrap();

    site.ok(&["submit", "8001", "--traceparent", GIVEN]).await;
    let first = traces();
    let mut file = site.file("phoenix_vm_configs.json");
    file["vms"][1]["description"] = json!("it goes again");
    site.write("phoenix_vm_configs.json", &file);
    let again = site.ok(&["submit", "8001", "--traceparent", &GIVEN.replace('3', "4")]).await;

    assert_eq!(first, format!("{GIVEN}\n"));
    assert_eq!(traces(), first, "{again:?}");
}
