//! nginx.

use std::fs;

use phoenix_domain::health::{Ask, Found, Reason, Silence};
use phoenix_replay::{Replay, Scene};
use rustix::process::{Signal, kill_process};

use crate::asking::Asking;
use crate::server::{self, Server};

const PORT: u16 = 8080;

#[tokio::test]
async fn an_nginx_is_not_blamed_for_others_and_its_orphan_answers_on() {
    let (at, folder) = (server::address(), server::folder());
    let gone = Replay::start(vec![Scene::refused("gone")]).await.unwrap();
    let hangs = Replay::start(vec![Scene::silent("hangs")]).await.unwrap();
    let config = format!(
        "daemon off; master_process on; worker_processes 1; pid pid; user root root;\n\
         events {{}}\n\
         http {{ access_log off; proxy_read_timeout 1s;\n\
         client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3;\n\
         uwsgi_temp_path t4; scgi_temp_path t5;\n\
         server {{ listen {at}:{PORT};\n\
         location /healthz {{ return 200 ok; }}\n\
         location /gone {{ proxy_pass http://{}; }}\n\
         location /hangs {{ proxy_pass http://{}; }} }} }}\n",
        gone.at(),
        hangs.at()
    );
    fs::write(folder.path().join("conf"), config).unwrap();
    let mut nginx = server::program("usr/sbin/nginx");
    nginx.arg("-p").arg(folder.path()).args(["-c", "conf", "-e", "stderr"]);
    let mut nginx = Server::start(nginx, folder);
    let asking = |path: &str| Asking::new(at, Ask::Nginx { port: PORT, path: path.into() });
    let mut own = asking("/healthz");
    let before = own.until_found(Found::Serving).await;
    assert!(before.iter().all(|found| *found == Found::Silent(Silence::Refused)), "{before:?}");

    for path in ["/gone", "/hangs"] {
        let reading = asking(path).read().await;
        assert_eq!(reading.found, Found::Worse(Reason::UpstreamDown), "{reading:?}");
    }

    let worker = nginx.children()[0];
    server::stop(worker);
    assert_eq!(own.read_soon().await.found, Found::Silent(Silence::TimedOut));
    kill_process(worker, Signal::KILL).unwrap();
    own.until_found(Found::Serving).await;

    // That it is an orphan is for whoever looks at its process to see.
    let workers = nginx.children();
    nginx.kill();
    assert_eq!(own.read().await.found, Found::Serving);
    for worker in workers {
        kill_process(worker, Signal::KILL).ok();
    }
    own.until_found(Found::Silent(Silence::Refused)).await;
}
