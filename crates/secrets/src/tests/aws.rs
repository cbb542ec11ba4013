//! What AWS answers, and what is made of it.

use std::net::TcpListener;
use std::time::Duration;

use phoenix_domain::Verdict;
use phoenix_testkit::moto::Moto;

use super::stub::{Reply, Stub};
use super::{Watch, at, exposed, fetched, name, only};
use crate::{Aws, AwsError, Provider, SecretError, ValueError};

fn cause(err: SecretError) -> AwsError {
    let SecretError::Aws { err, .. } = err else { panic!("not an error of AWS: {err:?}") };
    err
}

async fn failing(replies: impl IntoIterator<Item = Reply>) -> AwsError {
    let stub = Stub::answering(replies);
    cause(fetched(&only(at(&stub.url()), &Watch::new()), "phoenix/x").await.unwrap_err())
}

#[tokio::test]
async fn a_secret_and_one_key_of_it_are_read() {
    let moto = Moto::start("eu-central-1");
    moto.create("phoenix/prod/hf_token", "hf_abc");
    moto.create("phoenix/prod/redis", r#"{"user": "app", "password": "p w", "port": 6379}"#);
    let secrets = only(at(&moto.url()), &Watch::new());

    assert_eq!(fetched(&secrets, "phoenix/prod/hf_token").await.unwrap(), "hf_abc");
    let redis = name("phoenix/prod/redis");
    assert_eq!(exposed(&secrets.fetch(&redis, Some("password")).await.unwrap()), "p w");
    assert_eq!(exposed(&secrets.fetch(&redis, Some("port")).await.unwrap()), "6379");
    let missing = secrets.fetch(&redis, Some("pass")).await.unwrap_err();
    let key = "pass".to_owned();
    assert!(
        matches!(&missing, SecretError::Value { provider: Provider::Aws, err, .. }
            if *err == ValueError::NoKey { key }),
        "{missing:?}"
    );
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_what_is_to_be_deleted_is_refused() {
    let moto = Moto::start("eu-central-1");
    moto.create("phoenix/old", "x");
    moto.delete("phoenix/old");
    let secrets = only(at(&moto.url()), &Watch::new());

    let missing = fetched(&secrets, "phoenix/none").await.unwrap_err();
    assert!(
        matches!(&missing, SecretError::NotFound { asked, .. } if *asked == [Provider::Aws]),
        "{missing:?}"
    );
    assert_eq!(cause(fetched(&secrets, "phoenix/old").await.unwrap_err()), AwsError::Deleted);
}

#[tokio::test]
async fn the_current_version_is_read_unless_another_stage_is_chosen() {
    let moto = Moto::start("eu-central-1");
    moto.create("phoenix/x", "first");
    moto.rotate("phoenix/x", "second");
    let watch = Watch::new();
    let stage = |stage: &str| Aws { stage: stage.to_owned(), ..at(&moto.url()) };

    let current = fetched(&only(at(&moto.url()), &watch), "phoenix/x").await.unwrap();
    let previous = fetched(&only(stage("AWSPREVIOUS"), &watch), "phoenix/x").await.unwrap();
    let pending = fetched(&only(stage("AWSPENDING"), &watch), "phoenix/x").await.unwrap_err();

    assert_eq!((current.as_str(), previous.as_str()), ("second", "first"));
    assert!(matches!(pending, SecretError::NotFound { .. }), "{pending:?}");
}

#[tokio::test]
async fn bytes_are_a_value_if_they_are_text() {
    let moto = Moto::start("eu-central-1");
    moto.create_binary("phoenix/text", "dMOkeHQ=");
    moto.create_binary("phoenix/bytes", "//4AAQ==");
    let secrets = only(at(&moto.url()), &Watch::new());

    assert_eq!(fetched(&secrets, "phoenix/text").await.unwrap(), "täxt");
    let err = fetched(&secrets, "phoenix/bytes").await.unwrap_err();
    assert!(matches!(err, SecretError::Value { err: ValueError::Binary, .. }), "{err:?}");
}

#[tokio::test]
async fn a_value_is_asked_for_again_once_it_has_expired() {
    let moto = Moto::start("eu-central-1");
    moto.create("phoenix/x", "first");
    let watch = Watch::new();
    let secrets = only(at(&moto.url()), &watch);

    let first = fetched(&secrets, "phoenix/x").await.unwrap();
    moto.rotate("phoenix/x", "second");
    watch.forward(299);
    let remembered = fetched(&secrets, "phoenix/x").await.unwrap();
    watch.forward(1);
    let anew = fetched(&secrets, "phoenix/x").await.unwrap();

    assert_eq!((&*first, &*remembered, &*anew), ("first", "first", "second"));
}

#[tokio::test]
async fn an_expired_value_is_used_while_aws_is_gone_but_not_for_ever() {
    let moto = Moto::start("eu-central-1");
    moto.create("phoenix/x", "value");
    let watch = Watch::new();
    let secrets = only(at(&moto.url()), &watch);
    fetched(&secrets, "phoenix/x").await.unwrap();
    drop(moto);

    watch.forward(300);
    let first = fetched(&secrets, "phoenix/x").await.unwrap();
    watch.forward(3599);
    let last = fetched(&secrets, "phoenix/x").await.unwrap();
    watch.forward(1);
    let err = cause(fetched(&secrets, "phoenix/x").await.unwrap_err());

    assert_eq!((&*first, &*last), ("value", "value"));
    assert!(matches!(err, AwsError::Unreachable { .. }), "{err:?}");
    assert_eq!(err.verdict(), Verdict::Retry);
}

#[tokio::test]
async fn who_may_no_longer_have_a_secret_has_it_from_nowhere() {
    let denied = Reply::Error("AccessDeniedException", "", 400);
    let busy = || Reply::Error("ThrottlingException", "Rate exceeded", 400);
    let stub = Stub::answering([
        Reply::value("v"),
        busy(),
        busy(),
        busy(),
        denied,
        busy(),
        busy(),
        busy(),
    ]);
    let watch = Watch::new();
    let secrets = only(at(&stub.url()), &watch);

    let fresh = fetched(&secrets, "phoenix/x").await.unwrap();
    watch.forward(301);
    let stale = fetched(&secrets, "phoenix/x").await.unwrap();
    let denied = cause(fetched(&secrets, "phoenix/x").await.unwrap_err());
    let after = cause(fetched(&secrets, "phoenix/x").await.unwrap_err());

    assert_eq!((&*fresh, &*stale), ("v", "v"));
    assert!(matches!(denied, AwsError::Denied { .. }), "{denied:?}");
    assert_eq!(after, AwsError::Throttled { attempts: 3 });
}

#[tokio::test]
async fn what_is_deleted_is_not_remembered() {
    let gone = Reply::Error("ResourceNotFoundException", "", 400);
    let busy = || Reply::Error("ThrottlingException", "Rate exceeded", 400);
    let stub = Stub::answering([Reply::value("v"), gone, busy(), busy(), busy()]);
    let watch = Watch::new();
    let secrets = only(at(&stub.url()), &watch);

    fetched(&secrets, "phoenix/x").await.unwrap();
    watch.forward(301);
    let gone = fetched(&secrets, "phoenix/x").await.unwrap_err();
    let after = fetched(&secrets, "phoenix/x").await.unwrap_err();

    assert!(matches!(gone, SecretError::NotFound { .. }), "{gone:?}");
    assert_eq!(cause(after), AwsError::Throttled { attempts: 3 });
}

#[tokio::test]
async fn a_throttled_question_is_asked_again_and_then_given_up() {
    let busy = || Reply::Error("ThrottlingException", "Rate exceeded", 400);
    let stub = Stub::answering([busy(), busy(), Reply::value("v"), busy(), busy(), busy()]);
    let secrets = only(at(&stub.url()), &Watch::new());

    let third_time = fetched(&secrets, "phoenix/x").await.unwrap();
    let err = cause(fetched(&secrets, "phoenix/y").await.unwrap_err());

    assert_eq!(third_time, "v");
    assert_eq!((err.verdict(), &err), (Verdict::Retry, &AwsError::Throttled { attempts: 3 }));
    assert_eq!(stub.asked(), 6);
}

#[tokio::test]
async fn a_denial_is_not_asked_again_and_names_what_is_missing() {
    let message = "User: arn:aws:sts::123456789012:assumed-role/pve1/i-0123 is not authorized to \
         perform: secretsmanager:GetSecretValue on resource: phoenix/x because no identity-based \
         policy allows the secretsmanager:GetSecretValue action";

    let err = failing([Reply::Error("AccessDeniedException", message, 400)]).await;

    assert_eq!(err.verdict(), Verdict::AskHuman);
    assert_eq!(
        err.to_string(),
        "AWS denies secretsmanager:GetSecretValue on phoenix/x to \
         arn:aws:sts::123456789012:assumed-role/pve1/i-0123"
    );
}

#[tokio::test]
async fn what_aws_cannot_decrypt_or_does_not_believe_is_named() {
    let failure =
        "Secrets Manager can't decrypt the protected secret text using the provided KMS key.";
    let err = failing([Reply::Error("DecryptionFailure", failure, 400)]).await;
    assert_eq!(err, AwsError::NotDecrypted { code: "DecryptionFailure".to_owned() });

    let code = "UnrecognizedClientException";
    let err = failing([Reply::Error(code, "The security token is invalid.", 400)]).await;
    assert_eq!(err, AwsError::CredentialsRefused { code: code.to_owned() });
}

#[tokio::test]
async fn a_service_out_of_order_is_asked_again() {
    let broken = || Reply::Error("InternalServiceError", "An error occurred", 500);

    let err = failing([broken(), broken(), broken()]).await;

    assert_eq!(err, AwsError::OutOfOrder { code: "InternalServiceError".to_owned() });
    assert_eq!(err.verdict(), Verdict::Retry);
}

#[tokio::test]
async fn nobody_is_waited_for_longer_than_agreed() {
    let stub = Stub::answering([Reply::Silence, Reply::Silence]);
    let impatient = Aws { attempt: Duration::from_millis(50), attempts: 2, ..at(&stub.url()) };
    let err = cause(fetched(&only(impatient, &Watch::new()), "phoenix/x").await.unwrap_err());
    let why = "no answer in 50ms".to_owned();
    assert_eq!(err, AwsError::Unreachable { what: "AWS Secrets Manager", why });

    let stub = Stub::answering([Reply::Silence]);
    let hurried = Aws { deadline: Duration::from_millis(50), ..at(&stub.url()) };
    let late = cause(fetched(&only(hurried, &Watch::new()), "phoenix/x").await.unwrap_err());
    assert_eq!(late, err);
}

#[tokio::test]
async fn where_nobody_listens_it_says_so() {
    // Bound and let go: nobody listens there.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nowhere = at(&format!("http://127.0.0.1:{port}"));

    let err = cause(fetched(&only(nowhere, &Watch::new()), "phoenix/x").await.unwrap_err());

    let why = "connection refused".to_owned();
    assert_eq!(err, AwsError::Unreachable { what: "AWS Secrets Manager", why });
}

#[tokio::test]
async fn nobody_is_asked_before_a_secret_is_wanted() {
    let stub = Stub::answering([Reply::value("v")]);
    let secrets = only(at(&stub.url()), &Watch::new());
    let before = stub.asked();

    fetched(&secrets, "phoenix/x").await.unwrap();

    assert_eq!((before, stub.asked()), (0, 1));
}
