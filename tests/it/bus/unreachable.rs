//! What is said where NATS is not there, or not ready.

use phoenix_testkit::nats::NatsServer;

use super::site::fleet;
use crate::program::{phoenix, phoenix_with};

#[test]
fn a_server_that_is_not_there_is_named_with_the_remedy() {
    let folder = fleet(512);
    // Nothing listens there.
    let url = ["--nats-url", "nats://kim:s3cret@127.0.0.1:9"];
    for args in [&["submit", "900"][..], &["status"], &["runs"], &["dead", "list"]] {
        let ended = phoenix(folder.path(), &[args, &url].concat());
        assert_eq!((ended.code, ended.out.as_str()), (7, ""), "{ended:?}");
        assert_eq!(ended.err.matches("Connection refused").count(), 1, "{ended:?}");
        let mut lines = ended.err.lines();
        let first = lines.next().unwrap();
        assert!(first.starts_with("error: cannot reach NATS at nats://127.0.0.1:9"), "{ended:?}");
        assert!(lines.all(|line| line.starts_with("hint: ")), "{ended:?}");
        assert!(ended.err.contains("--nats-url") && !ended.err.contains("s3cret"), "{ended:?}");
    }
}

#[test]
fn a_server_without_streams_is_answered_with_who_makes_them() {
    let server = NatsServer::start();
    let ended = phoenix(fleet(512).path(), &["submit", "900", "--nats-url", &server.url()]);
    assert_eq!(ended.code, 7, "{ended:?}");
    assert!(
        ended.err.contains("no Phoenix streams") && ended.err.contains("start a worker"),
        "{ended:?}"
    );
}

#[test]
fn a_server_that_does_not_let_us_in_is_another_matter() {
    let server = NatsServer::start_with("authorization { token: other }");
    let ended = phoenix(fleet(512).path(), &["status", "--nats-url", &server.url()]);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.err.contains("--nats-creds"), "{ended:?}");
}

#[test]
fn our_own_name_for_the_address_comes_before_the_one_of_others() {
    let both = [("NATS_URL", "nats://127.0.0.1:9"), ("PHOENIX_NATS_URL", "nats://127.0.0.1:10")];
    let ended = phoenix_with(fleet(512).path(), &["status"], &both);
    assert!(ended.err.contains("127.0.0.1:10"), "{ended:?}");
    let ended = phoenix_with(fleet(512).path(), &["status"], both.get(..1).unwrap());
    assert!(ended.err.contains("127.0.0.1:9"), "{ended:?}");
}
