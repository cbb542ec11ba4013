//! PostgreSQL.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use phoenix_domain::health::{Ask, Found, Reason, Silence};
use rustix::process::Signal;

use crate::asking::Asking;
use crate::server::{self, Server};

const PORT: u16 = 5432;

#[tokio::test]
async fn a_postgresql_is_known_by_what_it_says_to_somebody_without_a_password() {
    let (at, folder) = (server::address(), server::folder());
    let data = folder.path().join("data");
    let mut made = server::unprivileged("usr/lib/postgresql/15/bin/initdb");
    made.args(["--auth=trust", "--username=postgres", "--no-sync", "--pgdata"]).arg(&data);
    assert!(made.current_dir("/").output().unwrap().status.success());
    let mut postgres = server::unprivileged("usr/lib/postgresql/15/bin/postgres");
    postgres.arg("-D").arg(&data).args(["-F", "-p", &PORT.to_string()]);
    postgres.arg("-c").arg(format!("listen_addresses={at}"));
    postgres.args(["-c", "unix_socket_directories="]);
    let mut postgres = Server::start(postgres, folder);
    let mut entry = Asking::new(at, Ask::Postgresql { port: PORT });

    // On its way up it refuses, or says that it is on its way up.
    let before = entry.until_found(Found::Serving).await;
    let on_its_way = [Found::Silent(Silence::Refused), Found::Loading];
    assert!(before.iter().all(|found| on_its_way.contains(found)), "{before:?}");
    assert_eq!(entry.read().await.evidence.came, "ready for queries");

    postgres.stop();
    assert_eq!(entry.read_soon().await.found, Found::Silent(Silence::TimedOut));
    postgres.signal(Signal::CONT);
    assert_eq!(entry.read().await.found, Found::Serving);

    // Who asks for a password is there.
    fs::write(data.join("pg_hba.conf"), "host all all 127.0.0.0/8 scram-sha-256\n").unwrap();
    postgres.signal(Signal::HUP);
    let (reading, before) =
        entry.until(|reading| reading.evidence.came == "it asks for a password").await;
    assert_eq!(reading.found, Found::Serving);
    assert!(before.iter().all(|found| *found == Found::Serving), "{before:?}");
    fs::write(data.join("pg_hba.conf"), "host all all 127.0.0.0/8 trust\n").unwrap();
    postgres.signal(Signal::HUP);
    entry.until(|reading| reading.evidence.came == "ready for queries").await;

    // It answers on without its data.
    let mut client = TcpStream::connect((at, PORT)).unwrap();
    client.write_all(b"\0\0\0\x17\0\x03\0\0user\0postgres\0\0").unwrap();
    assert!(matches!(client.read(&mut [0; 1024]), Ok(1..)));
    fs::rename(data.join("base"), data.join("gone")).unwrap();
    entry.until_found(Found::Failing(Reason::DataMissing)).await;
    fs::rename(data.join("gone"), data.join("base")).unwrap();
    entry.until_found(Found::Serving).await;

    // It lets nobody in while it waits for the last one to leave.
    postgres.signal(Signal::TERM);
    entry.until_found(Found::Loading).await;
    drop(client);
    postgres.ended();

    assert_eq!(entry.read().await.found, Found::Silent(Silence::Refused));
}
