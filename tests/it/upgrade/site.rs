//! A server, two simulated hosts, and programs of two versions for them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use phoenix_bus::{Bus, From, Told};
use phoenix_domain::{GuestKey, Record};
use phoenix_testkit::host::{Host, Settings};
use phoenix_testkit::nats::NatsServer;
use phoenix_testkit::worker::{Start, Worker};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Ended, phoenix_program, repository, run_of};
use crate::serve::PATIENCE;
use crate::survive::site::{States, assert_whole, text};

/// The hosts.
pub(super) const HOSTS: [&str; 2] = ["pve1", "pve2"];

/// Which of the two versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// The one that was before.
    Old,
    /// The one that is built here.
    New,
}

impl Age {
    /// Returns the other one.
    pub(super) fn other(self) -> Self {
        match self {
            Self::Old => Self::New,
            Self::New => Self::Old,
        }
    }

    /// Returns a program of this version.
    pub(super) fn program(self, name: &str) -> PathBuf {
        match self {
            Self::Old => older().join(name),
            Self::New => phoenix_program().with_file_name(name),
        }
    }
}

/// Returns the folder with the older programs.
fn older() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "a test has no main to be handed this by")]
    let said = std::env::var_os("PHOENIX_OLDER");
    let said = said.expect(
        "`cargo xtask upgrade --from REVISION` builds older programs and names their folder",
    );
    let folder = PathBuf::from(said);
    for name in ["phoenix", "phoenix-worker", "phoenix-health-monitor"] {
        let program = folder.join(name);
        assert!(program.is_file(), "{} is not there: `cargo xtask upgrade`", program.display());
    }
    folder
}

/// A server, two hosts, and a folder with their fleet.
pub(super) struct Site {
    pub(super) server: NatsServer,
    pub(super) bus: Bus,
    pub(super) hosts: BTreeMap<&'static str, Host>,
    folder: TempDir,
}

impl Site {
    /// Makes one whose streams are made by the older version, with hosts like this and this fleet.
    pub(super) async fn new(settings: &Settings, guests: &Value) -> Self {
        let server = NatsServer::start();
        let bus = Bus::connect(&server.address()).await.unwrap();
        let hosts = HOSTS.map(|name| (name, Host::new(settings))).into();
        let site =
            Self { server, bus, hosts, folder: TempDir::with_prefix("phoenix-ages-").unwrap() };
        site.write(guests);
        let mut first = site.worker(Age::Old, HOSTS[0]);
        while !first.log().contains("the worker is there") {
            tokio::task::yield_now().await;
        }
        first.ask_to_end();
        assert!(first.ended().await.success());
        site
    }

    /// Writes the configuration.
    pub(super) fn write(&self, guests: &Value) {
        let host = repository("tests/fixtures/rules/host.json");
        fs::copy(host, self.folder.path().join("phoenix_hypervisor_config.json")).unwrap();
        let text = json!({ "lxc_configs": guests }).to_string();
        fs::write(self.folder.path().join("phoenix_lxc_configs.json"), text).unwrap();
    }

    /// Returns a place of its own.
    pub(super) fn folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the worker of a host. Whoever works there has the same locks and the same notes.
    pub(super) fn worker(&self, age: Age, node: &str) -> Worker {
        let (run, state) =
            (self.folder(&format!("{node}-run")), self.folder(&format!("{node}-state")));
        let sim = self.hosts[node].folder();
        let place = |path: &std::path::Path| path.display().to_string();
        self.start(age, "phoenix-worker", node)
            .with(&["--host", "simulated", "--node", node, "--durability", "always"])
            .with(&[
                "--sim-dir",
                &place(sim),
                "--run-dir",
                &place(&run),
                "--state-dir",
                &place(&state),
            ])
            .with(&["--ack-wait", "1000", "--retry-after", "50", "--drift-every", "0"])
            .go()
    }

    /// Returns how a program is started.
    pub(super) fn start(&self, age: Age, program: &str, name: &str) -> Start {
        Start::new(&age.program(program), &self.folder(&format!("{program}-{name}-{age:?}.log")))
            .with(&["--nats-url", &self.server.url()])
    }

    /// Runs `phoenix` of a version to its end.
    pub(super) async fn phoenix(&self, age: Age, args: &[&str]) -> Ended {
        let (folder, url) = (self.folder.path().to_owned(), self.server.url());
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let features = repository("features").display().to_string();
        let program = age.program("phoenix");
        let run = move || {
            let args: Vec<_> = args.iter().map(String::as_str).collect();
            let told = [("NATS_URL", &*url), ("USER", "kim"), ("PHOENIX_FEATURES", &*features)];
            run_of(&program, &folder, &args, &told)
        };
        tokio::task::spawn_blocking(run).await.unwrap()
    }

    /// The same, where it ends well.
    pub(super) async fn ok(&self, age: Age, args: &[&str]) -> Ended {
        let ended = self.phoenix(age, args).await;
        assert_eq!(ended.code, 0, "{age:?} {args:?}: {ended:?}");
        ended
    }

    /// Waits until the states of all guests are so.
    pub(super) async fn until(&self, what: &str, is_so: impl Fn(&States) -> bool) -> States {
        let mut states = States::new();
        let follow = async {
            let mut tail = self.bus.tail(From::LastOfEach).await.unwrap();
            while !is_so(&states) {
                match tail.next().await {
                    Told::Event { event, .. } => {
                        states.insert(event.state.guest, event.state);
                    }
                    Told::Unreadable(why) => panic!("{why:?}"),
                    Told::CaughtUp | Told::Rewound => {}
                }
            }
        };
        let followed = tokio::time::timeout(PATIENCE, follow).await;
        assert!(followed.is_ok(), "in vain waited until {what}: {}", text(&states));
        states
    }

    /// Waits until these guests are complete.
    pub(super) async fn until_complete(&self, guests: &[GuestKey], revision: u64) {
        self.until("all are complete", |states| {
            let is_done =
                |record: &Record| record.is_complete() && record.desired.revision == revision;
            guests.iter().all(|guest| states.get(guest).is_some_and(is_done))
        })
        .await;
    }

    /// Fails unless every effect was made once, and both versions read every event of these guests.
    pub(super) async fn assert_all_is_well(&self, guests: &[GuestKey]) {
        for host in self.hosts.values() {
            host.assert_nothing_twice();
        }
        assert_whole(&self.bus).await;
        for guest in guests {
            let vmid = guest.vmid.to_string();
            let there = self.bus.history(*guest).await.unwrap().len();
            for age in [Age::Old, Age::New] {
                let told = self.ok(age, &["history", &vmid, "-o", "jsonl"]).await;
                assert_eq!(told.out.lines().count(), there, "{age:?}: {told:?}");
            }
        }
    }
}

/// Returns a guest of a host, on this foundation, and with what else is said of it.
pub(super) fn guest_of(vmid: u64, node: &str, stands_on: &[u64], more: &Value) -> (String, Value) {
    let below: Vec<_> = stands_on.iter().map(u64::to_string).collect();
    let mut guest = json!({
        "name": format!("guest-{vmid}"), "template": "debian.tar.zst", "storage_pool": "tank-lxc",
        "storage_size_gb": 1, "memory_mb": 64, "node": node, "dependencies": below,
    });
    let more = more.as_object().cloned().unwrap_or_default();
    guest.as_object_mut().unwrap().extend(more);
    (vmid.to_string(), guest)
}
