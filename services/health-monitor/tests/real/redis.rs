//! Redis.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, TcpStream};

use phoenix_domain::health::{Ask, Found, Reason, Silence};
use rustix::process::Signal;

use crate::asking::Asking;
use crate::server::{self, Server};

const PORT: u16 = 6379;

fn start(more: &[&str]) -> (Server, IpAddr) {
    let (at, folder) = (server::address(), server::folder());
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    let mut redis = server::program("usr/bin/redis-server");
    redis.args(["--bind", &at.to_string(), "--port", &PORT.to_string()]);
    redis.args(["--protected-mode", "no", "--dir"]).arg(data).args(more);
    (Server::start(redis, folder), at)
}

fn probe(at: IpAddr) -> Asking {
    Asking::new(at, Ask::Redis { port: PORT })
}

#[tokio::test]
async fn a_stopped_redis_is_silent_though_its_port_is_open_and_a_killed_one_refuses() {
    let (mut redis, at) = start(&["--save", ""]);
    let (mut ping, mut port) = (probe(at), Asking::new(at, Ask::Tcp { port: PORT }));
    ping.until_found(Found::Serving).await;

    redis.stop();
    assert_eq!(ping.read_soon().await.found, Found::Silent(Silence::TimedOut));
    assert_eq!(port.read().await.found, Found::Serving, "its kernel answers for it");

    redis.signal(Signal::CONT);
    assert_eq!(ping.read().await.found, Found::Serving);

    redis.kill();
    assert_eq!(ping.read().await.found, Found::Silent(Silence::Refused));
    assert_eq!(port.read().await.found, Found::Silent(Silence::Refused));
}

#[tokio::test]
async fn a_redis_that_wants_a_password_serves() {
    let (_redis, at) = start(&["--save", "", "--requirepass", "x"]);

    let (reading, _) = probe(at).until(|reading| reading.found == Found::Serving).await;

    assert!(reading.evidence.came.starts_with("-NOAUTH"), "{reading:?}");
}

#[tokio::test]
async fn a_redis_that_cannot_save_says_so() {
    let (redis, at) = start(&["--save", "3600 1"]);
    let mut ping = probe(at);
    ping.until_found(Found::Serving).await;

    fs::remove_dir_all(redis.folder.path().join("data")).unwrap();
    // Nothing is seen of that until it saves.
    assert_eq!(ping.read().await.found, Found::Serving);
    let mut client = TcpStream::connect((at, PORT)).unwrap();
    client.write_all(b"SET a 1\r\nBGSAVE\r\n").unwrap();
    assert!(matches!(client.read(&mut [0; 64]), Ok(1..)));

    ping.until_found(Found::Failing(Reason::DiskFull)).await;
}
