//! Real servers from written configurations, and everybody's keys.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use phoenix_bus::{Address, Bus, Cell, Server};
use phoenix_testkit::nats;
use phoenix_testkit::worker::{Start, Worker};
use tempfile::TempDir;

use crate::bus::fleet;
use crate::program::{Ended, phoenix, phoenix_monitor, phoenix_program, phoenix_worker};
use crate::serve::listens;

/// How long servers may take to come up and to find each other.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A folder with what was written, and with the configuration of a small fleet.
pub(crate) struct Site {
    pub(crate) folder: TempDir,
    /// Where clients call.
    pub(crate) url: String,
    monitor: String,
}

impl Site {
    /// Writes the configuration of servers at free ports, one or several, for the hosts pve1 and pve2.
    pub(super) fn written(names: &[&str]) -> Self {
        Self::of(&names.iter().map(|name| server(name)).collect::<Vec<_>>())
    }

    /// Writes the configuration of these servers.
    pub(crate) fn of(servers: &[Server]) -> Self {
        let place = |one: &Server| format!("{}={}:{}", one.name, one.host, one.port);
        let all = servers.iter().map(place).collect::<Vec<_>>().join(",");
        let site = Self {
            folder: fleet(512),
            url: servers.iter().map(Server::url).collect::<Vec<_>>().join(","),
            monitor: servers.first().unwrap().monitor(),
        };
        let written = site.init(&["--cluster", &all, "--hosts", "pve1,pve2"]);
        assert_eq!(written.code, 0, "{written:?}");
        site
    }

    /// The same, with the one server running and the streams made.
    pub(super) fn running() -> (Self, Worker) {
        let site = Self::written(&["nats"]);
        let server = site.server("nats");
        site.set_up();
        (site, server)
    }

    /// Runs `phoenix nats init` for this folder.
    pub(crate) fn init(&self, args: &[&str]) -> Ended {
        let (dir, store) = (self.dir(), self.folder.path().join("store"));
        let folders = ["nats", "init", "--dir", text(&dir), "--store", text(&store)];
        phoenix(self.folder.path(), &[&folders, args].concat())
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.folder.path().join("nats")
    }

    pub(super) fn key(&self, role: &str) -> PathBuf {
        self.dir().join(format!("keys/{role}.nk"))
    }

    fn ca(&self) -> PathBuf {
        self.dir().join("ca.pem")
    }

    /// Returns the configuration of a server.
    pub(crate) fn config(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir().join(name).join("nats-server.conf")).unwrap()
    }

    /// Starts the server whose configuration is in a folder.
    pub(super) fn server(&self, name: &str) -> Worker {
        self.start_of(name).go()
    }

    /// Returns how the server is started whose configuration is in a folder.
    pub(crate) fn start_of(&self, name: &str) -> Start {
        let config = self.dir().join(name).join("nats-server.conf");
        let log = self.folder.path().join(format!("{name}.log"));
        Start::new(&nats::program(), &log).with(&["--config", text(&config)])
    }

    /// Waits until a leaf has called those who keep the streams, and connects to it.
    pub(super) async fn by_leaf(&self, url: &str, role: &str) -> Bus {
        let address = Address { url: url.to_owned(), ca: None, ..self.address(role) };
        let began = Instant::now();
        loop {
            if let Ok(bus) = Bus::connect(&address).await
                && bus.look_up().await.is_ok()
            {
                return bus;
            }
            assert!(began.elapsed() < PATIENCE, "{url} leads nowhere");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Makes the streams, as soon as the servers are there.
    pub(crate) fn set_up(&self) {
        let args = ["nats", "setup", "--nats-monitor", &self.monitor];
        let began = Instant::now();
        loop {
            let ended = self.phoenix("admin", &args);
            if ended.code == 0 {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "the streams were not made: {ended:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Runs `phoenix` with the key of a role.
    pub(crate) fn phoenix(&self, role: &str, args: &[&str]) -> Ended {
        phoenix(self.folder.path(), &[args, &strs(&self.by(role))].concat())
    }

    /// Starts the worker of a host, by its own key; where it calls may be another place.
    pub(super) fn worker(&self, host: &str, calls: Option<&str>) -> Worker {
        self.worker_by(host, &format!("worker-{host}"), calls)
    }

    /// Starts the worker of a host by the key of this role.
    pub(super) fn worker_by(&self, host: &str, role: &str, calls: Option<&str>) -> Worker {
        let at = |name: &str| self.folder.path().join(format!("{host}-{name}"));
        let (run, state, sim, log) = (at("run"), at("state"), at("sim"), at("log"));
        let mut args = self.by(role);
        if let Some(url) = calls {
            // Nobody overhears what stays on one machine.
            args.truncate(2);
            args.extend(["--nats-url".to_owned(), url.to_owned()]);
        }
        Start::new(&phoenix_worker(), &log)
            .with(&["--host", "simulated", "--node", host, "--durability", "always"])
            .with(&["--sim-pace", "instant", "--sim-dir", text(&sim), "--drift-every", "0"])
            .with(&["--run-dir", text(&run), "--state-dir", text(&state)])
            .with(&strs(&args))
            .go()
    }

    /// Starts the health monitor.
    pub(super) fn monitor(&self) -> Worker {
        let log = self.folder.path().join("monitor.log");
        Start::new(&phoenix_monitor(), &log).with(&strs(&self.by("monitor"))).go()
    }

    /// Starts the page and the webhooks, and returns where they are.
    pub(super) async fn serve(&self, more: &[&str]) -> (Worker, String) {
        let log = self.folder.path().join("serve.log");
        let serve = Start::new(&phoenix_program(), &log)
            .with(&["serve", "--listen", "127.0.0.1:0"])
            .with(&strs(&self.by("serve")))
            .with(more)
            .go();
        let at = listens(&serve, 0).await;
        (serve, at)
    }

    /// Connects as a role.
    pub(crate) async fn bus(&self, role: &str) -> Bus {
        Bus::connect(&self.address(role)).await.unwrap()
    }

    fn address(&self, role: &str) -> Address {
        Address {
            url: self.url.clone(),
            credentials: None,
            key: Some(self.key(role)),
            ca: Some(self.ca()),
            name: "a test".to_owned(),
            cell: Cell::new("main".parse().unwrap()),
        }
    }

    /// Runs a command until it ends as it should.
    pub(super) fn until(&self, role: &str, args: &[&str], is_so: impl Fn(&Ended) -> bool) {
        let began = Instant::now();
        loop {
            let ended = self.phoenix(role, args);
            if is_so(&ended) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{args:?}: {ended:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Returns the arguments by which a role gets in.
    pub(crate) fn by(&self, role: &str) -> Vec<String> {
        let (key, ca) = (self.key(role), self.ca());
        ["--nats-nkey-file", text(&key), "--nats-ca-file", text(&ca), "--nats-url", &self.url]
            .map(str::to_owned)
            .to_vec()
    }
}

/// Returns a server at a free port.
fn server(name: &str) -> Server {
    Server { name: name.to_owned(), host: "127.0.0.1".to_owned(), port: free_port() }
}

/// Returns a port with which those behind it are free, too.
pub(super) fn free_port() -> u16 {
    for _ in 0..100 {
        let held = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = held.local_addr().unwrap().port();
        if port > Server::LAST_PORT {
            continue;
        }
        let server = Server { name: String::new(), host: "127.0.0.1".to_owned(), port };
        let others: Vec<_> = server.ports()[1..]
            .iter()
            .map(|port| TcpListener::bind(("127.0.0.1", *port)))
            .collect();
        if others.iter().all(Result::is_ok) {
            return port;
        }
    }
    panic!("no ports are free");
}

pub(super) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn strs(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}
