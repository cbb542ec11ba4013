//! The last generation's own configuration, built and changed on a made-up node.

mod keys;

use serde_json::Value;

use super::shared;
use super::site::{CONTAINERS, Site};
use crate::program::{phoenix, repository};

const NONE: [&str; 0] = [];
/// The archive that all of it is made of.
const ARCHIVE: &str =
    "/fastData/shared-iso/template/cache/ubuntu-24.04-standard_24.04-2_amd64.tar.zst";

/// Makes a node that has all the mended fleet wants, with nothing built yet.
async fn mended() -> Site {
    let site = Site::of("tests/fixtures/v6/mended").await;
    shared::features(&site.pve);
    let containers = site.file(CONTAINERS);
    for (_, guest) in containers["lxc_configs"].as_object().unwrap() {
        if let Some(script) = guest["application_script"].as_str() {
            shared::script(&site.pve, script);
        }
    }
    site.pve.profile("lxc-phoenix-v2");
    site.pve.archive(ARCHIVE);
    site
}

/// Returns the codes of all errors that are found in a fleet, sorted.
fn errors(fleet: &str) -> Vec<String> {
    let ended = phoenix(&repository(fleet), &["check", "--quiet", "-o", "json"]);
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let errors = findings.filter(|finding| finding["level"] == "error");
    let mut codes: Vec<_> =
        errors.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect();
    codes.sort_unstable();
    codes
}

#[test]
fn what_was_mended_is_what_is_found_and_no_more() {
    let found = errors("tests/fixtures/v6/published");
    let readme = std::fs::read_to_string(repository("tests/fixtures/v6/README.md")).unwrap();

    assert_eq!(
        found,
        [
            "PHX0201", "PHX0302", "PHX0302", "PHX0302", "PHX0308", "PHX0308", "PHX0308", "PHX0308",
            "PHX0510", "PHX0510", "PHX0804"
        ]
    );
    assert!(found.iter().all(|code| readme.contains(code.as_str())), "{found:?}");
    assert_eq!(errors("tests/fixtures/v6/mended"), NONE);
}

#[tokio::test]
async fn the_whole_container_fleet_is_built_from_nothing_and_a_second_time_nothing_is_started() {
    let site = mended().await;
    let _worker = site.worker();
    let containers = site.file(CONTAINERS);
    let guests = containers["lxc_configs"].as_object().unwrap();
    let all: Vec<_> = guests.keys().map(String::as_str).collect();
    let submit = [&["submit", "--host", "pve1"], &all[..]].concat();

    let submitted = site.ok(&submit).await;

    assert!(submitted.out.ends_with(": 22 completed\n"), "{submitted:?}");
    assert_eq!(site.failures().await, NONE);
    site.remains().assert_tidy();
    let world = &site.pve.world;
    for (vmid, guest) in guests {
        let vmid: u32 = vmid.parse().unwrap();
        let rests = guest["template_snapshot_name"].is_string();
        assert_eq!(world.is_running(vmid), !rests, "{vmid}");
        let value = |key| world.value(vmid, key).unwrap();
        assert_eq!(value("hostname").as_deref(), guest["name"].as_str(), "{vmid}");
        assert_eq!(value("memory"), Some(guest["memory_mb"].to_string()), "{vmid}");
        let net = value("net0").unwrap();
        let ip = guest["network_config"]["ip"].as_str().unwrap();
        assert!(net.contains(&format!("ip={ip}")), "{vmid}: {net}");
    }

    let mark = site.pve.mark();
    let again = site.ok(&submit).await;
    assert!(again.out.contains("nothing to ask for"), "{again:?}");
    let plan = [&["plan", "--host", "pve1", "--exit-code"], &all[..]].concat();
    assert!(site.ok(&plan).await.out.ends_with("no changes; nothing was run\n"));
    site.insist().await;
    assert_eq!(site.pve.commands(mark), NONE);
}
