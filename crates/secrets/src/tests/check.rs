//! What `check` reports.

use phoenix_testkit::moto::Moto;
use serde_json::json;
use tempfile::TempDir;

use super::stub::{Reply, Stub};
use super::{Watch, at, fetched, name, only, put, source};
use crate::{Aws, Outcome, Policy, Provider, Secrets};

#[tokio::test]
async fn it_says_who_has_what_why_not_else_and_what_to_allow() {
    let moto = Moto::start("eu-central-1");
    moto.create("phoenix/redis", r#"{"password": "p"}"#);
    let folder = TempDir::new().unwrap();
    let path = put(folder.path(), "secrets.json", r#"{"phoenix/file": "x"}"#, 0o600);
    let aws = source(at(&moto.url()), &Watch::new());
    let secrets = Secrets::with(Some(aws), None, Some(path.clone()), Vec::new());
    let wanted = [
        (name("phoenix/redis"), Some("password".to_owned())),
        (name("phoenix/redis"), Some("user".to_owned())),
        (name("phoenix/file"), None),
        (name("phoenix/none"), None),
        (name("phoenix/redis#password"), Some("user".to_owned())),
    ];

    let report = secrets.check(&wanted).await;

    let arn = |name: &str| {
        format!("arn:aws:secretsmanager:eu-central-1:123456789012:secret:{name}-??????")
    };
    assert!(!report.is_complete() && !report.may_pass());
    assert_eq!(
        serde_json::to_value(&report).unwrap(),
        json!({
            "references": [
                { "reference": "phoenix/redis#password",
                  "outcome": { "resolves": { "by": { "provider": "aws" } } } },
                { "reference": "phoenix/redis#user",
                  "outcome": { "fails": {
                    "why": "the secret phoenix/redis, which AWS Secrets Manager has, cannot be \
                            used: it has no key user",
                    "advice": "store phoenix/redis anew with AWS Secrets Manager",
                    "mayPass": false } } },
                { "reference": "phoenix/file",
                  "outcome": { "resolves": { "by": { "provider": "file", "path": path } } } },
                { "reference": "phoenix/none",
                  "outcome": { "fails": {
                    "why": format!("nobody has the secret phoenix/none; asked: AWS Secrets \
                                    Manager, the file {}", path.display()),
                    "advice": "`aws secretsmanager create-secret --name phoenix/none \
                               --secret-string file://FILE`",
                    "mayPass": false } } },
                { "reference": "secret://phoenix/redis#password",
                  "outcome": { "fails": {
                    "why": "`secret://phoenix/redis#password` cannot be a secret: it has a key, and another beside it",
                    "advice": "a secret is referred to as `secret://path/of/the/secret`, with \
                               `#key` for one key of it",
                    "mayPass": false } } },
            ],
            "policy": { "least": {
                "Version": "2012-10-17",
                "Statement": [{
                    "Sid": "PhoenixReadsItsSecrets",
                    "Effect": "Allow",
                    "Action": "secretsmanager:GetSecretValue",
                    "Resource": [arn("phoenix/file"), arn("phoenix/none"), arn("phoenix/redis")],
                }],
            } },
        })
    );
}

#[tokio::test]
async fn a_host_that_may_nothing_yet_learns_its_policy_from_the_denial() {
    let message = "User: arn:aws:sts::210987654321:assumed-role/pve1/i-0123 is not authorized to \
         perform: secretsmanager:GetSecretValue on resource: phoenix/x because …";
    let stub = Stub::answering([Reply::Error("AccessDeniedException", message, 400)]);

    let report = only(at(&stub.url()), &Watch::new()).check(&[(name("phoenix/x"), None)]).await;

    let Policy::Least(policy) = report.policy else { panic!("a policy: {report:?}") };
    assert_eq!(
        policy["Statement"][0]["Resource"],
        json!(["arn:aws:secretsmanager:eu-central-1:210987654321:secret:phoenix/x-??????"])
    );
}

#[tokio::test]
async fn without_an_account_there_is_no_policy_unless_it_is_said() {
    let missing = || Reply::Error("ResourceNotFoundException", "", 400);
    let stub = Stub::answering([missing(), missing()]);
    let wanted = [(name("phoenix/x"), None)];

    let unsaid = only(at(&stub.url()), &Watch::new()).check(&wanted).await;
    let account = Some("123456789012".to_owned());
    let said = Aws { account, ..at(&stub.url()) };
    let said = only(said, &Watch::new()).check(&wanted).await;

    assert_eq!(unsaid.policy, Policy::Unknown { missing: "account" });
    assert!(matches!(said.policy, Policy::Least(_)));
}

#[tokio::test]
async fn a_check_does_not_believe_what_is_remembered() {
    let missing = Reply::Error("ResourceNotFoundException", "", 400);
    let stub = Stub::answering([Reply::value("v"), missing]);
    let secrets = only(at(&stub.url()), &Watch::new());
    fetched(&secrets, "phoenix/x").await.unwrap();

    let report = secrets.check(&[(name("phoenix/x"), None)]).await;

    assert!(matches!(report.references[0].outcome, Outcome::Fails { .. }));
}

#[tokio::test]
async fn where_aws_is_not_asked_nothing_is_to_be_allowed() {
    let secrets = Secrets::in_memory([("phoenix/x", "v".into())]);

    let report = secrets.check(&[(name("phoenix/x"), None)]).await;

    assert_eq!(report.policy, Policy::NotNeeded);
    assert_eq!(report.references[0].outcome, Outcome::Resolves { by: Provider::Memory });
}

#[tokio::test]
async fn what_aws_throttles_may_pass_by_itself() {
    let busy = || Reply::Error("ThrottlingException", "Rate exceeded", 400);
    let stub = Stub::answering([busy(), busy(), busy()]);

    let report = only(at(&stub.url()), &Watch::new()).check(&[(name("phoenix/x"), None)]).await;

    assert!(!report.is_complete() && report.may_pass(), "{report:?}");
}
