//! `phoenix secrets check`, with the credentials that a host has.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use phoenix_testkit::moto::Moto;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Ended, phoenix_with, repository};

/// What must not be in anything that is printed.
const CANARY: &str = "canary";

/// A folder with a fleet: two guests that are given secrets, and one that is given none.
fn fleet() -> TempDir {
    let folder = TempDir::new().unwrap();
    let host = repository("tests/fixtures/rules/host.json");
    fs::copy(host, folder.path().join("phoenix_hypervisor_config.json")).unwrap();
    let guest = |vmid: u32, more: &str| {
        format!(
            r#""{vmid}": {{ "name": "g{vmid}", "template": "debian.tar.zst", "storage_pool": "tank-lxc", "storage_size_gb": 8{more} }}"#
        )
    };
    let redis = |reference: &str| {
        format!(r#", "features": ["redis"], "secrets": {{ "redis_password": "{reference}" }}"#)
    };
    let lxc = format!(
        r#"{{"lxc_configs": {{ {}, {}, {} }}}}"#,
        guest(900, &redis("secret://phoenix/redis#password")),
        guest(901, &redis("secret://phoenix/hf_token")),
        guest(902, "")
    );
    fs::write(folder.path().join("phoenix_lxc_configs.json"), lxc).unwrap();
    folder
}

fn check(folder: &Path, args: &[&str], environment: &[(&str, &str)]) -> Ended {
    let args = [&["secrets", "check", "--secrets-file", "secrets.json"], args].concat();
    let ended = phoenix_with(folder, &args, environment);
    for text in [&ended.out, &ended.err] {
        assert!(!text.contains(CANARY), "{text}");
    }
    ended
}

fn put(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.out).unwrap_or_else(|err| panic!("{err}: {ended:?}"))
}

#[test]
fn a_host_that_aws_knows_is_told_who_has_what_and_its_policy() {
    let folder = fleet();
    let moto = Moto::start("us-east-1");
    moto.create("phoenix/hf_token", CANARY);
    moto.create("phoenix/redis", r#"{"password": "canary"}"#);
    let url = moto.url();
    let environment = [
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "example"),
        ("AWS_REGION", "us-east-1"),
        ("PHOENIX_SECRETS_AWS", "true"),
    ];
    let aws = ["--aws-endpoint", &url];

    let all = check(folder.path(), &aws, &environment);
    let one = check(folder.path(), &[&aws[..], &["901", "--policy"]].concat(), &environment);

    assert_eq!((all.code, one.code), (0, 0), "{all:?} {one:?}");
    let (first, _) = all.out.split_once("\n\nThe least").unwrap();
    assert_eq!(
        first,
        "phoenix/redis#password  AWS Secrets Manager\n  for 900 g900: redis_password\n\
         phoenix/hf_token  AWS Secrets Manager\n  for 901 g901: redis_password\n\n\
         2 secrets: all can be had"
    );
    assert_eq!(
        json(&one)["Statement"][0]["Resource"],
        json!(["arn:aws:secretsmanager:us-east-1:123456789012:secret:phoenix/hf_token-??????"])
    );
}

#[test]
fn aws_is_asked_only_where_somebody_says_so() {
    let folder = fleet();
    let moto = Moto::start("us-east-1");
    moto.create("phoenix/hf_token", CANARY);
    let url = moto.url();
    let environment = [
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*url),
        ("AWS_ENDPOINT_URL", &url),
        ("PHOENIX_SECRETS_AWS", "no"),
    ];

    let unasked = check(folder.path(), &["901"], &environment);

    assert_eq!(unasked.code, 1, "{unasked:?}");
    assert!(unasked.err.contains("AWS was not asked"), "{unasked:?}");
    assert!(!unasked.out.contains("AWS"), "{unasked:?}");
}

#[test]
fn a_host_without_credentials_or_region_is_told_so() {
    let folder = fleet();
    put(&folder.path().join("secrets.json"), r#"{"phoenix/hf_token": "canary"}"#);
    let alone = ("AWS_EC2_METADATA_DISABLED", "true");

    let nowhere = check(folder.path(), &["901", "--aws"], &[alone]);
    let region = ("AWS_REGION", "eu-central-1");
    let nobody = check(folder.path(), &["901", "--aws"], &[alone, region]);
    let policy = check(folder.path(), &["901", "--aws", "--policy"], &[alone, region]);

    assert_eq!((nowhere.code, nobody.code, policy.code), (1, 1, 1));
    assert!(nowhere.out.contains("hint: set AWS_REGION"), "{}", nowhere.out);
    assert!(nobody.out.contains("there are no AWS credentials for this host"), "{}", nobody.out);
    // A file that a policy is written into must not hold anything else.
    assert_eq!(policy.out, "");
    assert!(policy.err.contains("hint: say it: `--aws-account"), "{}", policy.err);
}

#[test]
fn where_aws_does_not_answer_it_is_safe_to_try_again() {
    let folder = fleet();
    let moto = Moto::start("us-east-1");
    let url = moto.url();
    drop(moto);
    let keys = [
        ("AWS_ACCESS_KEY_ID", "a"),
        ("AWS_SECRET_ACCESS_KEY", "b"),
        ("AWS_REGION", "eu-central-1"),
    ];

    let silent = check(folder.path(), &["901", "--aws", "--aws-endpoint", &url], &keys);

    assert_eq!(silent.code, 7, "{silent:?}");
    assert!(silent.out.contains("cannot be reached"), "{silent:?}");
}

#[test]
fn a_host_outside_of_aws_has_its_secrets_in_files() {
    let folder = fleet();
    put(&folder.path().join("secrets.json"), r#"{"phoenix/redis": {"password": "canary"}}"#);
    let credential = folder.path().join("phoenix~hf_token");
    put(&credential, "canary\n");
    let credentials = [("CREDENTIALS_DIRECTORY", ".")];

    let all = check(folder.path(), &[], &credentials);
    let as_json = check(folder.path(), &["901", "-o", "json"], &credentials);
    fs::remove_file(credential).unwrap();
    let one_less = check(folder.path(), &[], &credentials);

    assert_eq!((all.code, as_json.code, one_less.code), (0, 0, 1), "{all:?} {as_json:?}");
    assert_eq!(
        json(&as_json),
        json!({
            "apiVersion": "phoenix.dev/v1",
            "kind": "SecretReport",
            "secrets": [{
                "reference": "phoenix/hf_token",
                "outcome": { "resolves": { "by": { "provider": "credentials", "path": "." } } },
                "guests": [{ "vmid": 901, "name": "g901", "knownAs": "redis_password" }],
            }],
            "policy": "not-needed",
        })
    );
    assert_eq!(
        one_less.out,
        "phoenix/redis#password  the file secrets.json\n  for 900 g900: redis_password\n\
         phoenix/hf_token  CANNOT BE HAD\n  for 901 g901: redis_password\n  \
         nobody has the secret phoenix/hf_token; asked: the credentials of systemd in ., the file \
         secrets.json, the token files\n  \
         hint: write it into secrets.json, which nobody else may read: \
         {\"phoenix/hf_token\": \"…\"}, and where `#KEY` is asked for {\"phoenix/hf_token\": {\"KEY\": \"…\"}}\n\n\
         2 secrets: 1 cannot be had\n"
    );
}

#[test]
fn a_file_that_others_can_read_is_named_with_the_command_that_mends_it() {
    let folder = fleet();
    let file = folder.path().join("secrets.json");
    put(&file, r#"{"phoenix/hf_token": "canary"}"#);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();

    let open = check(folder.path(), &["901"], &[]);

    assert_eq!(open.code, 1, "{open:?}");
    assert!(open.out.contains("hint: `chmod 600 secrets.json`"), "{open:?}");
}

#[test]
fn the_password_of_a_machine_is_a_secret_too() {
    let folder = repository("examples/vm-cloud-image");

    let ended = check(&folder, &["-o", "json"], &[]);

    assert_eq!(ended.code, 1, "{ended:?}");
    let secret = &json(&ended)["secrets"][0];
    assert_eq!(secret["reference"], "phoenix/prod/vm_ops_password_hash");
    assert_eq!(secret["guests"][0]["knownAs"], "password_hash");
}

#[test]
fn what_is_asked_for_in_vain_ends_as_everywhere() {
    let folder = fleet();

    let nobody = check(folder.path(), &["999"], &[]);
    let nothing = check(folder.path(), &["902"], &[]);
    let no_policy = check(folder.path(), &["902", "--policy"], &[]);

    assert_eq!((nobody.code, nothing.code), (5, 0), "{nobody:?} {nothing:?}");
    assert_eq!(nothing.out, "no guest is given a secret\n");
    assert_eq!(no_policy.code, 64, "a policy is of AWS: {no_policy:?}");
}
