//! `phoenix check` and its neighbours, as a shell sees them.

use std::fs;

use tempfile::TempDir;

use crate::program::{phoenix, repository};

/// A folder with one guest that has a warning (a key nobody knows) and, if asked, an error.
fn fleet(extra: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let host = repository("tests/fixtures/rules/host.json");
    fs::copy(host, folder.path().join("phoenix_hypervisor_config.json")).unwrap();
    let lxc = format!(
        r#"{{"lxc_configs": {{
  "900": {{ "name": "one", "template": "debian.tar.zst", "storage_pool": "tank-lxc", "storage_size_gb": 8{extra} }},
  "901": {{ "name": "two", "template": "debian.tar.zst", "storage_pool": "tank-lxc", "storage_size_gb": 8 }}
}}}}"#
    );
    fs::write(folder.path().join("phoenix_lxc_configs.json"), lxc).unwrap();
    folder
}

#[test]
fn the_exit_code_says_how_bad_it_is() {
    let code = |extra: &str, args: &[&str]| {
        phoenix(fleet(extra).path(), &[&["check"], args].concat()).code
    };
    assert_eq!(code("", &[]), 0);
    assert_eq!(code(", \"speling\": 2", &[]), 0);
    assert_eq!(code(", \"speling\": 2", &["--deny-warnings"]), 3);
    assert_eq!(code(", \"features\": [\"dokcer\"]", &[]), 3);
    assert_eq!(code("", &["--nonsense"]), 64);
}

#[test]
fn only_what_concerns_a_guest_is_shown_when_it_is_named() {
    let folder = fleet(", \"features\": [\"dokcer\"]");
    let of = |id| phoenix(folder.path(), &["check", id]);
    assert_eq!(of("900").code, 3);
    let other = of("901");
    assert_eq!((other.code, other.out.contains("dokcer")), (0, false), "{}", other.out);
}

#[test]
fn programs_get_json_and_nothing_else() {
    let folder = fleet(", \"features\": [\"dokcer\"]");
    let json = phoenix(folder.path(), &["check", "-o", "json"]);
    let report: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(report["errors"], 1);
    assert_eq!(report["findings"][0]["code"], "PHX0301");
    assert_eq!(report["findings"][0]["line"], 2);

    let sarif = phoenix(folder.path(), &["check", "-o", "sarif"]);
    let sarif: serde_json::Value = serde_json::from_str(&sarif.out).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "PHX0301");
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(rules.iter().any(|rule| rule["id"] == "PHX0301"));
}

#[test]
fn colours_are_for_terminals_or_for_those_who_ask() {
    let folder = fleet(", \"features\": [\"dokcer\"]");
    assert!(!phoenix(folder.path(), &["check"]).out.contains('\u{1b}'));
    assert!(phoenix(folder.path(), &["check", "--color", "always"]).out.contains('\u{1b}'));
}

#[test]
fn a_secret_is_never_shown_whatever_is_wrong_beside_it() {
    let canary = "c4nary-c4nary-c4nary";
    let folder = fleet(&format!(
        ", \"hf_token\": \"{canary}\", \"features\": [\"dokcer\"], \"vllm_args\": [\"--api-key\", \"{canary}\"], \"cores\": true"
    ));
    for args in [
        &["check"][..],
        &["check", "-o", "json"],
        &["check", "-o", "sarif"],
        &["config", "show"],
        &["plan", "900", "--offline", "-o", "json"],
    ] {
        let ended = phoenix(folder.path(), args);
        assert_eq!(ended.code, 3);
        assert!(!ended.out.contains(canary) && !ended.err.contains(canary), "{}", ended.out);
    }
}

#[test]
fn a_secret_that_would_be_published_refuses_the_config() {
    let canary = "c4nary-c4nary-c4nary";
    for carrier in [
        format!(", \"health_check\": {{ \"command\": \"curl http://u:{canary}@localhost/\" }}"),
        format!(", \"lxc_options\": [\"lxc.environment=DB_PASSWORD={canary}\"]"),
        format!(", \"vllm_model\": \"m\", \"vllm_args\": [\"--api-key\", \"{canary}\"]"),
        format!(", \"storage_pool\": \"http://u:{canary}@x\""),
    ] {
        let folder = fleet(&carrier);
        for args in
            [&["check"][..], &["config", "show"], &["plan", "900", "--offline", "-o", "json"]]
        {
            let ended = phoenix(folder.path(), args);
            assert_eq!(ended.code, 3, "{carrier}: {ended:?}");
            assert!(!ended.out.contains(canary) && !ended.err.contains(canary), "{}", ended.out);
        }
    }
}

#[test]
fn a_secret_that_is_written_where_its_name_is_wanted_is_never_shown() {
    let canary = "c4nary-c4nary-c4nary";
    for (is_refused, given) in [
        (true, format!("\"secrets\": {{ \"redis_password\": \"{canary}\" }}")),
        (true, format!("\"secrets\": {{\n \"openai\":\n \"{canary}\" }}")),
        (
            true,
            format!(
                "\"secrets\": {{ \"openai\": [\"{canary}\"], \"x\": {{ \"y\": \"{canary}\" }} }}"
            ),
        ),
        (true, format!("\"secrets\": {{ \"{canary}!\": \"redis_password\" }}")),
        (true, format!("\"secrets\": {{ \"openai\": \"a\", \"openai\": \"{canary}\" }}")),
        (true, format!("\"secrets\": \"{canary}\"")),
        (true, format!("\"secrets\": [\"{canary}\"]")),
        (
            true,
            format!("\"feature_parameters\": {{ \"redis\": {{ \"password\": \"{canary}\" }} }}"),
        ),
        (
            true,
            format!(
                "\"feature_parameters\": {{ \"redis\": {{ \"redis_password\": [\"{canary}\"] }} }}"
            ),
        ),
        (true, format!("\"secrets\": {{ \"{canary}!\": 1, \"{canary}!\": 2 }}")),
        (true, "\"secrets\": { \"pin\": 271828182 }".to_owned()),
        (false, "\"secrets\": { \"redis_password\": \"secret://phoenix/prod/redis\" }".to_owned()),
    ] {
        let folder = fleet(&format!(", \"features\": [\"redis\"], {given}"));
        for args in [
            &["check"][..],
            &["check", "-o", "json"],
            &["check", "-o", "sarif"],
            &["config", "show"],
            &["plan", "900", "--offline", "-o", "json"],
        ] {
            let ended = phoenix(folder.path(), args);
            assert_eq!(ended.code, if is_refused { 3 } else { 0 }, "{given}: {ended:?}");
            for value in [canary, "271828182"] {
                assert!(!ended.out.contains(value) && !ended.err.contains(value), "{}", ended.out);
            }
        }
    }
}

#[test]
fn a_reader_that_has_had_enough_does_not_make_it_well() {
    // The program writes into a pipe whose other end is closed.
    let folder = fleet(", \"features\": [\"dokcer\"]");
    assert_eq!(crate::program::phoenix_into_closed_pipe(folder.path(), &["check"]), 3);
}

#[test]
fn a_folder_without_config_is_answered_with_where_it_was_looked_for() {
    let folder = TempDir::new().unwrap();
    let ended = phoenix(folder.path(), &["check"]);
    assert_eq!((ended.code, ended.out.as_str()), (3, ""));
    assert!(
        ended.err.contains("/etc/phoenix") && ended.err.contains("--config DIR"),
        "{}",
        ended.err
    );
}

#[test]
fn every_code_is_explained() {
    let folder = TempDir::new().unwrap();
    let list = phoenix(folder.path(), &["explain"]);
    for line in list.out.lines() {
        let code = line.split(' ').next().unwrap();
        let page = phoenix(folder.path(), &["explain", code]);
        assert!(page.out.starts_with(&format!("# {code}: ")), "{}", page.out);
    }
    let unknown = phoenix(folder.path(), &["explain", "PHX9999"]);
    assert_eq!((unknown.code, unknown.err.contains("lists all codes")), (5, true));
}

#[test]
fn shells_and_man_get_their_files() {
    let folder = TempDir::new().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = phoenix(folder.path(), &["completion", shell]);
        assert!(script.out.contains("phoenix"), "{shell}");
    }
    assert_eq!(phoenix(folder.path(), &["man", "pages"]).code, 0);
    assert!(folder.path().join("pages/phoenix-check.1").is_file());
    assert!(folder.path().join("pages/phoenix-submit.1").is_file());
}
