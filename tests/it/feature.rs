//! `phoenix feature list`, `show` and `new`, as a shell sees them.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{phoenix, repository};

fn features() -> String {
    repository("features").canonicalize().unwrap().to_str().unwrap().to_owned()
}

fn put(features: &Path, name: &str, manifest: &str) {
    fs::create_dir_all(features.join(name)).unwrap();
    fs::write(features.join(name).join("feature.json"), manifest).unwrap();
}

#[test]
fn the_features_there_are_those_of_the_folders_and_what_hides_or_is_wrong_is_said() {
    let own = TempDir::new().unwrap();
    put(own.path(), "redis", r#"{ "name": "redis", "summary": "mine", "kinds": ["machine"] }"#);
    put(own.path(), "wrong", r#"{ "name": "wrong", "headline": "a typo", "kinds": ["machine"] }"#);
    let (folder, library) = (own.path().to_str().unwrap(), features());
    let both = ["--features", folder, "--features", &library];

    let text = phoenix(own.path(), &[&["feature", "list"][..], &both].concat());
    let json = phoenix(own.path(), &[&["feature", "list", "-o", "json"][..], &both].concat());

    assert_eq!((text.code, json.code), (0, 0), "{text:?}");
    let line = |name: &str| text.out.lines().find(|line| line.starts_with(name)).unwrap();
    let redis = line("redis ");
    assert!(redis.contains("machine") && redis.ends_with("mine"), "{redis}");
    assert!(redis.contains(&format!("{folder}/redis (hides {library}/redis)")), "{redis}");
    assert!(
        line("wrong ").contains("WRONG: ") && line("wrong ").contains("`headline`"),
        "{text:?}"
    );
    assert!(line("qdrant ").contains(&format!("{library}/qdrant")), "{text:?}");
    let json: Value = serde_json::from_str(&json.out).unwrap();
    let all = json["features"].as_array().unwrap();
    assert_eq!(all.len(), 17);
    let wrong = all.iter().find(|feature| feature["name"] == "wrong").unwrap();
    assert!(wrong["error"].as_str().unwrap().contains("headline") && wrong["manifest"].is_null());
}

#[test]
fn without_any_folder_the_manifests_that_came_with_the_program_are_listed() {
    let nowhere = TempDir::new().unwrap();

    let list = phoenix(nowhere.path(), &["feature", "list"]);

    assert_eq!(list.code, 0, "{list:?}");
    let vllm = list.out.lines().find(|line| line.starts_with("vllm")).unwrap();
    assert!(vllm.contains("built in"), "{vllm}");
    assert!(list.err.contains("only the manifests are here"), "{list:?}");
}

#[test]
fn from_the_repository_its_own_features_are_found_without_being_named() {
    let list = phoenix(&repository("."), &["feature", "list"]);

    let vllm = list.out.lines().find(|line| line.starts_with("vllm")).unwrap();
    assert!(vllm.contains(" features/vllm "), "{vllm}");
}

#[test]
fn everything_about_a_feature_is_shown() {
    let show = |name: &str| phoenix(&repository("."), &["feature", "show", name]);

    let redis = show("redis");
    let docker = show("docker");

    assert_eq!((redis.code, docker.code), (0, 0), "{redis:?} {docker:?}");
    insta::assert_snapshot!("feature-show-redis", redis.out);
    insta::assert_snapshot!("feature-show-docker", docker.out);
}

#[test]
fn what_is_not_there_or_wrong_is_told_apart() {
    let own = TempDir::new().unwrap();
    put(own.path(), "wrong", "{ \"name\": \"wrong\",\n }");
    let folder = own.path().to_str().unwrap();
    let show = |name| phoenix(own.path(), &["feature", "show", name, "--features", folder]);

    let near = show("qdrnat");
    let wrong = show("wrong");

    assert_eq!((near.code, wrong.code), (5, 1), "{near:?} {wrong:?}");
    assert!(near.err.contains("did you mean qdrant?"), "{near:?}");
    assert!(
        wrong.err.contains("line 2") && wrong.err.contains("/wrong cannot be read"),
        "{wrong:?}"
    );
}

#[test]
fn the_example_of_every_feature_is_a_configuration_that_is_right() {
    let list = phoenix(&repository("."), &["feature", "list", "-o", "json"]);
    let list: Value = serde_json::from_str(&list.out).unwrap();
    for feature in list["features"].as_array().unwrap() {
        let name = feature["name"].as_str().unwrap();
        let shown = phoenix(&repository("."), &["feature", "show", name]);
        let (_, snippet) = shown.out.split_once("In the configuration of a guest:\n").unwrap();
        let folder = TempDir::new().unwrap();
        let host = repository("tests/fixtures/rules/host.json");
        fs::copy(host, folder.path().join("phoenix_hypervisor_config.json")).unwrap();
        let guest = format!(
            r#"{{"lxc_configs": {{ "900": {{ "name": "one", "template": "debian.tar.zst",
            "storage_pool": "tank-lxc", "storage_size_gb": 64, {snippet} }} }} }}"#
        );
        fs::write(folder.path().join("phoenix_lxc_configs.json"), guest).unwrap();

        let checked = phoenix(folder.path(), &["check"]);

        assert_eq!(checked.code, 0, "{name}:\n{snippet}\n{}", checked.out);
    }
}

#[test]
fn a_new_feature_is_whole_and_nothing_is_written_over() {
    let own = TempDir::new().unwrap();
    let new = |name| phoenix(own.path(), &["feature", "new", name, "--into", "own"]);

    let made = new("greeter");
    let folder = own.path().join("own/greeter");
    fs::write(folder.join("README.md"), "mine\n").unwrap();
    let again = new("greeter");
    let bad = new("Greeter!");

    assert_eq!((made.code, again.code, bad.code), (0, 10, 64), "{made:?} {again:?}");
    assert_eq!(made.out, "own/greeter\n");
    assert!(made.err.contains("phoenix feature test greeter --features own"), "{made:?}");
    assert_eq!(fs::read_to_string(folder.join("README.md")).unwrap(), "mine\n");
    let shown = phoenix(own.path(), &["feature", "show", "greeter", "--features", "own"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    for file in ["install.sh", "check.sh", "test/break.sh", "feature.json"] {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        assert!(text.contains("greeter") && !text.contains("@name@"), "{file}: {text}");
    }
    let manifest = fs::read_to_string(folder.join("feature.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let schema = fs::read_to_string(folder.join(manifest["$schema"].as_str().unwrap())).unwrap();
    assert!(schema.contains("\"feature.json\""), "{schema}");
    #[expect(clippy::disallowed_methods, reason = "shellcheck is what judges scripts")]
    let said = Command::new("shellcheck")
        .args(["-x", "install.sh", "check.sh", "test/break.sh"])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
}
