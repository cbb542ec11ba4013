//! The examples are right, and the plan of the first of them is the one the README shows.

use std::fs;

use crate::program::{phoenix, phoenix_submit, repository};

#[test]
fn every_example_is_without_fault() {
    let mut count = 0;
    for entry in fs::read_dir(repository("examples")).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        let ended = phoenix(&folder, &["check", "--deny-warnings"]);
        assert_eq!(ended.code, 0, "{}:\n{}", folder.display(), ended.out);
        count += 1;
    }
    assert!(count > 5, "there are {count} examples");
}

#[test]
fn a_plan_shows_what_a_guest_stands_on() {
    let quickstart = repository("examples/quickstart");

    let text = phoenix(&quickstart, &["plan", "950", "--offline"]);
    let json = phoenix(&quickstart, &["plan", "950", "--offline", "-o", "json"]);
    let dot = phoenix(&quickstart, &["plan", "950", "--graph", "dot"]);

    insta::assert_snapshot!("plan-950", text.out);
    insta::assert_snapshot!("plan-950-dot", dot.out);
    let plan: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    let order: Vec<_> = plan["order"]
        .as_array()
        .unwrap()
        .iter()
        .map(|guest| guest["vmid"].as_u64().unwrap())
        .collect();
    assert_eq!(order, [900, 901, 920, 953, 950]);
    assert_eq!(plan["order"][4]["publishes"]["event"], "requested");
    assert_eq!(plan["order"][4]["publishes"]["job"]["guest"]["vmid"], 950);
}

#[test]
fn values_are_shown_with_their_origin() {
    let quickstart = repository("examples/quickstart");

    let shown = phoenix(&quickstart, &["config", "show", "950", "8001"]);

    assert_eq!(shown.code, 0);
    insta::assert_snapshot!("config-show", shown.out);
}

#[test]
fn what_is_shown_as_config_is_read_as_config() {
    let quickstart = repository("examples/quickstart");
    let folder = tempfile::TempDir::new().unwrap();
    for file in ["phoenix_hypervisor_config.json", "inventory.json"] {
        fs::copy(quickstart.join(file), folder.path().join(file)).unwrap();
    }
    let first = phoenix(&quickstart, &["config", "show", "-o", "config"]);
    let shown: serde_json::Value = serde_json::from_str(&first.out).unwrap();
    let write = |file: &str, key: &str| {
        let document = serde_json::json!({ key: shown[key] });
        fs::write(folder.path().join(file), document.to_string()).unwrap();
    };
    write("phoenix_lxc_configs.json", "lxc_configs");
    write("phoenix_vm_configs.json", "vms");

    let second = phoenix(folder.path(), &["config", "show", "-o", "config"]);

    assert_eq!((second.code, second.out), (0, first.out));
}

#[test]
fn a_guest_that_is_not_there_is_answered_with_those_near_it() {
    let quickstart = repository("examples/quickstart");
    for verb in ["plan", "check", "submit"] {
        let ended = phoenix(&quickstart, &[verb, "951"]);
        assert_eq!((ended.code, ended.out.as_str()), (5, ""), "{verb}");
        assert!(
            ended.err.contains("no guest 951") && ended.err.contains("950 (vllm-chat)"),
            "{}",
            ended.err
        );
    }
}

#[test]
fn the_short_form_is_the_long_form() {
    let quickstart = repository("examples/quickstart");
    for args in [
        ["950", "--dry-run"].as_slice(),
        &["950", "--nats-url", "nats://127.0.0.1:9"],
        &["951"],
        &[],
    ] {
        let short = phoenix_submit(&quickstart, args);
        let long = phoenix(&quickstart, &[&["submit"], args].concat());
        assert_eq!((short.code, short.out), (long.code, long.out), "{args:?}");
    }
}
