//! Real containers that serve something, and those who watch over them.

use std::fs;
use std::time::Duration;

use phoenix_bus::{Bus, From, MonitorAnswer, MonitorQuestion, Told};
use phoenix_domain::health::Incident;
use phoenix_domain::{EventKind, GuestKey, Kind, Repair, Vmid};
use phoenix_testkit::lxc::LxcLab;
use phoenix_testkit::nats::NatsServer;
use phoenix_testkit::worker::{Start, Worker};
use tempfile::TempDir;

use crate::program::{Ended, phoenix_monitor, phoenix_with, phoenix_worker};

/// How long anything is waited for. No promise is about time: this only ends what would never end.
const PATIENCE: Duration = Duration::from_mins(6);
/// How often the monitor is asked how things are: it tells its findings, and not that it has none.
const POLL: Duration = Duration::from_millis(200);

const MANIFEST: &str = r#"{
  "name": "nginx", "summary": "A web server of the tests", "kinds": ["container"],
  "ports": [80], "service": { "unit": "nginx.service" }
}"#;

/// A web server that notes each of its starts, and can be broken. It stands in for nginx, which cannot
/// be fetched here; systemd runs it under that name.
const INSTALL: &str = r#"#!/bin/sh
set -eu
cat >/usr/local/sbin/web <<'END'
use IO::Socket::INET;
open my $starts, '>>', '/var/lib/starts'; print $starts "started\n"; close $starts;
my $door = IO::Socket::INET->new(LocalPort => 80, Listen => 16, ReuseAddr => 1) or die "no port\n";
while (my $line = $door->accept) {
    while (<$line>) { last if /^\r?$/ }
    sleep 3600 if -e '/etc/broken';
    print $line "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nweb";
    close $line;
}
END
cat >/etc/systemd/system/nginx.service <<'END'
[Service]
ExecStart=/usr/bin/perl /usr/local/sbin/web
[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload
systemctl enable --now nginx
"#;

/// Containers with a web server each, and those who watch over them.
pub(crate) struct Ward {
    // In the order in which they end: nobody starts what is being taken away.
    monitor: Option<Worker>,
    worker: Option<Worker>,
    bus: Bus,
    server: NatsServer,
    folder: TempDir,
    lab: LxcLab,
    guests: Vec<u64>,
    begun: u32,
}

impl Ward {
    /// Makes the containers, and has nobody watch over them yet.
    pub(crate) async fn new(guests: &[u64]) -> Self {
        let lab = LxcLab::default();
        let archive = lab.debian();
        lab.write("features/nginx/feature.json", MANIFEST);
        lab.write("features/nginx/install.sh", INSTALL);
        lab.write("features/nginx/check.sh", "#!/bin/sh\nsystemctl is-active --quiet nginx\n");
        let folder = TempDir::new().unwrap();
        fs::write(
            folder.path().join("phoenix_hypervisor_config.json"),
            r#"{ "network": { "interfaces": { "name": "vmbr0", "address": "10.77.0.1/24" } } }"#,
        )
        .unwrap();
        fs::write(folder.path().join("phoenix_lxc_configs.json"), configs(archive, guests))
            .unwrap();
        let server = NatsServer::start();
        let bus = server.bus().await;
        let guests = guests.to_vec();
        let (worker, monitor) = (None, None);
        let mut ward = Self { lab, folder, server, bus, guests, worker, monitor, begun: 0 };
        ward.worker = Some(ward.worker());
        let named: Vec<_> = ward.guests.iter().map(ToString::to_string).collect();
        let words: Vec<_> =
            ["submit"].into_iter().chain(named.iter().map(String::as_str)).collect();
        let submitted = ward.phoenix(&words).await;
        assert_eq!(submitted.code, 0, "{submitted:?}");
        ward
    }

    /// Starts a monitor that repairs, and waits until it finds all of them well.
    pub(crate) async fn begin(&mut self) {
        self.monitor = Some(self.monitor());
        let told = async {
            while self.phoenix(&["health", "mode", "on"]).await.code != 0 {
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::time::timeout(PATIENCE, told).await.expect("a monitor acts some time");
        self.until_all_are("healthy").await;
    }

    /// Ends the worker, the monitor and the bus, as a power failure would.
    pub(crate) fn kill_everybody(&mut self) {
        for process in [&mut self.worker, &mut self.monitor].into_iter().flatten() {
            process.kill();
        }
        self.server.kill();
    }

    pub(crate) async fn start_everybody(&mut self) {
        self.server.restart();
        self.bus = self.server.bus().await;
        self.begun += 1;
        self.worker = Some(self.worker());
        self.monitor = Some(self.monitor());
    }

    pub(crate) fn pull_the_bridge(&self) {
        self.lab.bridge("down");
    }

    pub(crate) fn put_the_bridge_back(&self) {
        self.lab.bridge("up");
    }

    /// Runs something in a guest.
    pub(crate) fn inside(&self, guest: u64, words: &[&str]) -> String {
        self.lab.inside(guest, words)
    }

    /// Returns how often the web server of a guest was started.
    pub(crate) fn starts(&self, guest: u64) -> usize {
        self.inside(guest, &["cat", "/var/lib/starts"]).lines().count()
    }

    /// Returns the repairs of a guest that were asked for.
    pub(crate) async fn repairs(&self, guest: u64) -> Vec<Repair> {
        let history = self.bus.history(key(guest)).await.unwrap();
        let events = history.into_iter().map(|(_, event)| event);
        let asked = events.filter(|event| event.fact.kind() == EventKind::RepairRequested);
        asked.filter_map(|event| crate::repair(event.state.desired.goal)).collect()
    }

    /// Waits until something of this kind is said of a guest that is to be repaired.
    pub(crate) async fn until_said(&self, guest: u64, kind: EventKind) {
        let mut tail = self.bus.tail_guest(key(guest), From::Beginning).await.unwrap();
        let said = async {
            loop {
                let Told::Event { event, .. } = tail.next().await else { continue };
                if event.fact.kind() == kind && crate::repair(event.state.desired.goal).is_some() {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, said).await.expect("it is said some time");
    }

    /// Waits until the web servers of all guests are found to be like this.
    pub(crate) async fn until_all_are(&self, state: &str) {
        let found = async {
            loop {
                tokio::time::sleep(POLL).await;
                let answer = self.bus.ask_monitor(&MonitorQuestion::Health, PATIENCE).await;
                let Ok(MonitorAnswer::Health(told)) = answer else { continue };
                let probes = told.guests.iter().flat_map(|seen| &seen.probes);
                let webs =
                    probes.filter(|(probe, at, _)| &*probe.name == "nginx" && at.word() == state);
                if webs.count() == self.guests.len() {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("it is found some time");
    }

    /// Waits until the incidents that were told of are so, and returns them.
    pub(crate) async fn until_incidents(
        &self,
        are_so: impl Fn(&[Incident]) -> bool,
    ) -> Vec<Incident> {
        let told = async {
            loop {
                let incidents = self.bus.incidents().await.unwrap();
                if are_so(&incidents) {
                    return incidents;
                }
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::time::timeout(PATIENCE, told).await.expect("it is told some time")
    }

    pub(crate) async fn phoenix(&self, words: &[&str]) -> Ended {
        let (folder, url) = (self.folder.path().to_owned(), self.server.url());
        let features = self.base().join("features").display().to_string();
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let run = move || {
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            let environment =
                [("NATS_URL", &*url), ("USER", "kim"), ("PHOENIX_FEATURES", &*features)];
            phoenix_with(&folder, &words, &environment)
        };
        tokio::task::spawn_blocking(run).await.unwrap()
    }

    fn base(&self) -> std::path::PathBuf {
        self.lab.machine().dir.parent().unwrap().to_owned()
    }

    fn netns(&self) -> String {
        self.lab.machine().netns.unwrap().display().to_string()
    }

    fn worker(&self) -> Worker {
        let folder = |name: &str| self.base().join(name).display().to_string();
        Start::new(&phoenix_worker(), &self.folder.path().join(format!("worker{}.log", self.begun)))
            .with(&["--host", "lxc", "--node", "lab1", "--cell", "main", "--durability", "always"])
            .with(&["--nats-url", &self.server.url(), "--netns", &self.netns()])
            .with(&["--run-dir", &folder("run"), "--state-dir", &folder("")])
            .with(&["--features", &folder("features"), "--drift-every", "0"])
            .go()
    }

    fn monitor(&self) -> Worker {
        let log = self.folder.path().join(format!("monitor{}.log", self.begun));
        Start::new(&phoenix_monitor(), &log)
            .with(&["--nats-url", &self.server.url(), "--netns", &self.netns()])
            .with(&["--clock-speed", "10"])
            .go()
    }
}

fn configs(archive: &str, guests: &[u64]) -> String {
    let common = r#""storage_pool": "fast", "storage_size_gb": 2, "memory_mb": 512, "node": "lab1", "unprivileged": true"#;
    let net = |host: u64| {
        format!(
            r#""network_config": {{ "name": "eth0", "bridge": "vmbr0", "ip": "10.77.0.{host}/24", "gw": "10.77.0.1" }}"#
        )
    };
    let clone = |guest: &u64| {
        format!(
            r#", "{guest}": {{ "name": "web{guest}", "clone_from_ctid": "900", "features": ["nginx"], {common}, {} }}"#,
            net(guest - 900)
        )
    };
    let clones: String = guests.iter().map(clone).collect();
    format!(
        r#"{{ "lxc_configs": {{ "900": {{ "name": "base", "template": "{archive}", "is_template": true, {common}, {} }}{clones} }} }}"#,
        net(10)
    )
}

fn key(guest: u64) -> GuestKey {
    GuestKey { kind: Kind::Container, vmid: Vmid::try_from(guest).unwrap() }
}
