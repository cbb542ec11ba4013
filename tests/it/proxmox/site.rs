//! A server, a made-up Proxmox node, workers on it, and a folder with a fleet; gone with the test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use phoenix_bus::Question;
use phoenix_domain::{Cause, Fact, GuestSpec, Requested};
use phoenix_fake_proxmox::{Settings, StorageSetting};
use phoenix_testkit::pve::PveNode;
use phoenix_testkit::worker::{Start, Worker};
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Ended, phoenix_program, phoenix_with, repository};
use crate::survive::site::{self, teller};

/// A server, a made-up node, and a folder with a fleet. The simulated host beside them is not used.
pub(crate) struct Site {
    pub(crate) inner: site::Site,
    pub(crate) pve: PveNode,
    folder: TempDir,
}

/// All there is on a node, as far as it does not depend on when it was made.
#[derive(Debug, PartialEq)]
pub(crate) struct Remains {
    configs: BTreeMap<u32, String>,
    volumes: BTreeSet<String>,
    mounts: Vec<String>,
    /// What the driver noted about work in hand.
    notes: Vec<String>,
}

impl Site {
    /// Makes one with the storages `fast` and `bulk` on its node.
    pub(crate) async fn new() -> Self {
        Self::with(&Settings { node: "pve1".to_owned(), ..Settings::default() }).await
    }

    async fn with(settings: &Settings) -> Self {
        let inner = site::Site::new().await;
        let secrets = inner.folder("secrets.json");
        fs::write(&secrets, r#"{ "phoenix/prod/docker": "made up" }"#).unwrap();
        fs::set_permissions(&secrets, fs::Permissions::from_mode(0o600)).unwrap();
        Self { inner, pve: PveNode::new(settings), folder: TempDir::new().unwrap() }
    }

    /// Makes one with a copy of this fleet, and a node that has the storages its files name.
    pub(crate) async fn of(fleet: &str) -> Self {
        let from = repository(fleet);
        let host = json_of(&from.join("phoenix_hypervisor_config.json"));
        let mut settings = Settings { node: "pve1".to_owned(), ..Settings::default() };
        let datasets = host.pointer("/zfs/datasets").unwrap().as_array().unwrap();
        let text = |dataset: &Value, key: &str| dataset[key].as_str().unwrap().to_owned();
        let name = |dataset: &Value| format!("{}-{}", text(dataset, "pool"), text(dataset, "name"));
        for dataset in datasets {
            let kind = text(dataset, "proxmox_storage_type");
            settings.storages.push(StorageSetting { name: name(dataset), kind, gib: 4096 });
        }
        settings.bridges = vec![host["network"]["interfaces"]["name"].as_str().unwrap().to_owned()];
        let site = Self::with(&settings).await;
        for dataset in datasets {
            site.pve.holds(&name(dataset), &text(dataset, "proxmox_content_type"));
        }
        for entry in fs::read_dir(&from).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, site.folder.path().join(path.file_name().unwrap())).unwrap();
        }
        site
    }

    /// Returns a file of the fleet.
    pub(crate) fn file(&self, name: &str) -> Value {
        json_of(&self.folder.path().join(name))
    }

    /// Writes a file of the fleet.
    pub(crate) fn write(&self, name: &str, value: &Value) {
        fs::write(self.folder.path().join(name), value.to_string()).unwrap();
    }

    /// Changes the containers of the fleet.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Value)) {
        let mut file = self.file(CONTAINERS);
        change(&mut file["lxc_configs"]);
        self.write(CONTAINERS, &file);
    }

    /// Starts a worker that looks for drift only when it is asked.
    pub(crate) fn worker(&self) -> Worker {
        self.worker_with("a", &["--drift-every", "0"])
    }

    /// Starts a worker with this name and more arguments. All share their folders.
    pub(crate) fn worker_with(&self, name: &str, more: &[&str]) -> Worker {
        let arguments = self.worker_arguments(more);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let log = self.inner.folder(&format!("{name}.log"));
        Start::new(&phoenix_program(), &log).with(&arguments).go()
    }

    /// Returns the arguments of `phoenix` as the worker of the node, with more of them.
    pub(crate) fn worker_arguments(&self, more: &[&str]) -> Vec<String> {
        let node = self.pve.node();
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let library = &node.library;
        let own_secrets = text(&self.inner.folder("secrets.json"));
        let secrets = ["--secrets-file", own_secrets.as_str()];
        let secrets = if more.contains(&secrets[0]) { &[][..] } else { &secrets };
        let (root, url) = (text(&node.root), self.inner.server.url());
        let folders = [&library.features, &library.scripts, &library.tests, &library.profiles];
        let [features, scripts, tests, profiles] = folders.map(|folders| text(&folders[0]));
        let (state, run) = (text(&node.state_dir), text(&node.run_dir));
        let here = ["worker", "--host", "proxmox", "--node", "pve1", "--durability", "always"];
        let log = "info,phoenix_hypervisor=debug,phoenix_worker=debug";
        let there = ["--host-root", &root, "--nats-url", &url, "--log", log];
        let library = ["--features", &features, "--scripts", &scripts, "--tests", &tests];
        let folders = ["--profiles", &profiles, "--state-dir", &state, "--run-dir", &run];
        let paces = ["--ack-wait", "1000", "--retry-after", "50"];
        let all = [&here[..], &there, &library, secrets, &folders, &paces, more].concat();
        all.into_iter().map(str::to_owned).collect()
    }

    /// Waits until a worker answers.
    pub(crate) async fn until_it_answers(&self) {
        let (bus, host) = (&self.inner.bus, "pve1".parse().unwrap());
        while bus.question(&host, &Question::Hello, Duration::from_secs(2)).await.is_err() {
            tokio::task::yield_now().await;
        }
    }

    /// Runs `phoenix` to its end.
    pub(crate) async fn phoenix(&self, args: &[&str]) -> Ended {
        let (folder, url) = (self.folder.path().to_owned(), self.inner.server.url());
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let run = move || {
            let args: Vec<_> = args.iter().map(String::as_str).collect();
            phoenix_with(&folder, &args, &[("NATS_URL", &url), ("USER", "kim")])
        };
        tokio::task::spawn_blocking(run).await.unwrap()
    }

    /// Runs `phoenix`, which ends well.
    pub(crate) async fn ok(&self, args: &[&str]) -> Ended {
        let ended = self.phoenix(args).await;
        assert_eq!(ended.code, 0, "{args:?}: {ended:?}");
        ended
    }

    /// Returns what `phoenix` prints as JSON, whatever its exit code says.
    pub(crate) async fn json(&self, args: &[&str]) -> Value {
        let ended = self.phoenix(&[args, &["-o", "json"]].concat()).await;
        serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("no JSON: {ended:?}"))
    }

    /// Asks for all guests once more, as they are, whether that is needed or not, and waits until
    /// workers have looked at all of them.
    pub(crate) async fn insist(&self) {
        let states = self.inner.bus.states().await.unwrap();
        let guests: Vec<_> = states.into_keys().collect();
        let again = |_, before: Option<&phoenix_domain::Record>| {
            let mut desired = before?.desired.clone();
            desired.revision += 1;
            desired.cause = Cause::Retried;
            Some(Requested { desired: Box::new(desired) }.into())
        };
        let asked = self.inner.bus.ask(&self.inner.setup, &teller(), &guests, again).await.unwrap();
        assert_eq!(asked.len(), guests.len());
        let settled = self.inner.until("all were looked at again", |states| {
            asked.iter().all(|one| {
                states.get(&one.guest).is_some_and(|state| {
                    state.is_complete() && state.desired.revision == one.state.desired.revision
                })
            })
        });
        settled.await;
    }

    /// Returns what a worker told of its failures.
    pub(crate) async fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        for guest in self.inner.bus.states().await.unwrap().into_keys() {
            for (_, event) in self.inner.bus.history(guest).await.unwrap() {
                if let Fact::StepFailed(failed) = event.fact {
                    failures.push(format!("{guest}: {}", failed.failure.what));
                }
            }
        }
        failures
    }

    /// Returns all there is on the node.
    pub(crate) fn remains(&self) -> Remains {
        let world = &self.pve.world;
        let config = |vmid: u32| {
            let text = world.conf(vmid).unwrap().unwrap();
            let lines = text.lines().filter(|line| !line.starts_with("snaptime"));
            let text: Vec<_> = lines.map(str::to_owned).collect();
            (vmid, format!("{}\nruns: {}", text.join("\n"), world.is_running(vmid)))
        };
        let mut notes = Vec::new();
        // One about a lock may stay where nothing follows; it counts only beside half a snapshot.
        for kind in ["making", "attaching", "cloning", "sealing"] {
            let folder = self.pve.node().state_dir.join("proxmox").join(kind);
            let entries = fs::read_dir(folder).into_iter().flatten().map(Result::unwrap);
            notes.extend(entries.map(|entry| format!("{kind}/{}", entry.file_name().display())));
        }
        Remains {
            configs: world.containers().unwrap().into_iter().map(config).collect(),
            volumes: world.volumes().unwrap().into_iter().map(|volume| volume.id).collect(),
            mounts: world.stale_mounts(),
            notes,
        }
    }

    /// Waits until these guests are complete.
    pub(crate) async fn until_complete(&self, specs: &[GuestSpec]) {
        self.inner.until_complete(specs).await;
    }
}

impl Remains {
    /// Returns how many volumes there are.
    pub(crate) fn volumes(&self) -> usize {
        self.volumes.len()
    }

    /// Fails where somebody who was killed has left something.
    pub(crate) fn assert_tidy(&self) {
        for (vmid, config) in &self.configs {
            assert!(!config.lines().any(|line| line.starts_with("lock:")), "{vmid}: {config}");
        }
        assert_eq!((&self.mounts, &self.notes), (&Vec::new(), &Vec::new()));
    }
}

/// The file with the containers.
pub(crate) const CONTAINERS: &str = "phoenix_lxc_configs.json";

/// Reads a file of a fleet, which may have comments in lines of their own.
fn json_of(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    serde_json::from_str(&lines.collect::<Vec<_>>().join("\n")).unwrap()
}
