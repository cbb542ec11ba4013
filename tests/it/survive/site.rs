//! A server, a simulated host, and workers for it; gone with the test, and nothing of it is left.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::Utc;
use phoenix_bus::{Appended, Bus, BusError, From, Setup, Tail, Teller, Told};
use phoenix_config::{Folder, Input, Library, load};
use phoenix_domain::{
    CancelRequested, Cause, Class, Desired, Event, GuestKey, GuestSpec, Kind, Record, Requested,
    RunId, SpecDigest, SpecText, Verb, Vmid,
};
use phoenix_testkit::host::{Entry, Host, Settings};
use phoenix_testkit::nats::NatsServer;
use phoenix_testkit::worker::{Start, Worker};
use tempfile::TempDir;

use crate::program::{phoenix_worker, repository};

/// How long anything is waited for. No promise is about time: this only ends what would never end.
const PATIENCE: Duration = Duration::from_mins(3);
/// How often the host is looked at where nobody tells that something happened.
const POLL: Duration = Duration::from_millis(5);

pub(crate) type States = BTreeMap<GuestKey, Record>;

/// A server, a simulated host, and what workers need to find both.
pub(crate) struct Site {
    pub(crate) server: NatsServer,
    pub(crate) host: Host,
    pub(crate) bus: Bus,
    pub(crate) setup: Setup,
    folder: TempDir,
}

impl Site {
    /// Makes one with a host on which nothing takes long.
    pub(crate) async fn new() -> Self {
        Self::with(&quick()).await
    }

    /// Makes one with a host with these settings.
    pub(crate) async fn with(settings: &Settings) -> Self {
        Self::of(NatsServer::start(), settings).await
    }

    /// Makes one whose server keeps what it is told in this folder.
    pub(crate) async fn keeping(store: &Path, settings: &Settings) -> Self {
        let store = store.display();
        let more = format!(
            "jetstream {{ store_dir: \"{store}\", sync_interval: always, max_file_store: 1TB }}"
        );
        Self::of(NatsServer::start_with(&more), settings).await
    }

    async fn of(server: NatsServer, settings: &Settings) -> Self {
        drop(server.bus().await);
        Self::over(server, Host::new(settings)).await
    }

    /// Makes one of a server that has its streams, and of a host.
    pub(crate) async fn over(server: NatsServer, host: Host) -> Self {
        let bus = Bus::connect(&server.address()).await.unwrap();
        let setup = bus.look_up().await.unwrap();
        let folder = TempDir::with_prefix("phoenix-site-").unwrap();
        Self { server, host, bus, setup, folder }
    }

    /// Returns a folder of the workers.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a worker.
    pub(crate) fn worker(&self) -> Worker {
        self.worker_with("a", "run", &[])
    }

    /// Starts a worker that holds its locks in this folder, with more arguments.
    pub(crate) fn worker_with(&self, name: &str, run_dir: &str, more: &[&str]) -> Worker {
        let log = ["--log", "info,phoenix_bus=debug,phoenix_worker=debug"];
        let args = self.worker_arguments(run_dir, &[&log, more].concat());
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        Start::new(&phoenix_worker(), &self.folder(&format!("{name}.log"))).with(&args).go()
    }

    /// Returns the arguments of a worker that holds its locks in this folder, with more of them.
    pub(crate) fn worker_arguments(&self, run_dir: &str, more: &[&str]) -> Vec<String> {
        let (run_dir, state_dir) = (self.folder(run_dir), self.folder("state"));
        let folders = [self.host.folder(), &run_dir, &state_dir].map(|path| path.to_string_lossy());
        let [sim_dir, run_dir, state_dir] = &folders;
        let mine = ["--host", "simulated", "--node", "pve1", "--durability", "always"];
        let at = self.server.url();
        let there = ["--nats-url", &at, "--sim-dir", sim_dir, "--run-dir", run_dir];
        let paces = ["--state-dir", state_dir, "--ack-wait", "1000", "--retry-after", "50"];
        [&mine[..], &there, &paces, more].concat().into_iter().map(str::to_owned).collect()
    }

    /// Asks for guests, in this order and all at once. What is as wanted is not asked for again.
    pub(crate) async fn submit(&self, specs: &[GuestSpec]) -> Vec<Appended> {
        self.submit_with(specs, |_| {}).await
    }

    /// Asks for guests, having changed what is asked of each of them.
    pub(crate) async fn submit_with(
        &self,
        specs: &[GuestSpec],
        change: impl Fn(&mut Desired),
    ) -> Vec<Appended> {
        let guests: Vec<_> = specs.iter().map(GuestKey::from).collect();
        let wish = |guest: GuestKey, before: Option<&Record>| {
            let spec = specs.iter().find(|spec| GuestKey::from(*spec) == guest)?;
            let mut desired = desired(spec, before);
            change(&mut desired);
            let is_met = before.is_some_and(|before| {
                before.is_complete() && before.desired.digest == desired.digest
            });
            (!is_met).then(|| Requested { desired: Box::new(desired) }.into())
        };
        loop {
            match self.bus.ask(&self.setup, &teller(), &guests, wish).await {
                Ok(appended) => return appended,
                // Nothing was asked for yet: the server was away a moment ago.
                Err(BusError::Failed { what: "reading the log", .. }) => {}
                Err(err) => panic!("it was not asked for: {err}"),
            }
        }
    }

    /// Asks to stop working on a guest.
    pub(crate) async fn cancel(&self, guest: GuestKey) {
        let wish = |_, _: Option<&Record>| Some(CancelRequested { by: "kim".to_owned() }.into());
        self.bus.ask(&self.setup, &teller(), &[guest], wish).await.unwrap();
    }

    /// Waits until the states of all guests are so.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&States) -> bool) -> States {
        let mut states = States::new();
        let follow = async {
            let mut tail = self.tail(From::LastOfEach).await;
            loop {
                match tail.next().await {
                    Told::Event { event, .. } => {
                        states.insert(event.state.guest, event.state);
                    }
                    Told::Unreadable(_) | Told::CaughtUp => {}
                    Told::Rewound => states.clear(),
                }
                if is_so(&states) {
                    return;
                }
            }
        };
        let followed = tokio::time::timeout(PATIENCE, follow).await;
        assert!(followed.is_ok(), "in vain waited until {what}: {}", text(&states));
        states
    }

    /// Follows the log; a server that was away is waited for.
    async fn tail(&self, from: From) -> Tail {
        loop {
            match self.bus.tail(from.clone()).await {
                Ok(tail) => return tail,
                Err(_) => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// Returns the state of a guest.
    pub(crate) async fn state(&self, guest: GuestKey) -> Record {
        self.bus.end(guest).await.unwrap().unwrap().event.state
    }

    /// Waits until these guests are complete.
    pub(crate) async fn until_complete(&self, specs: &[GuestSpec]) -> States {
        let guests: Vec<_> = specs.iter().map(GuestKey::from).collect();
        self.until("all are complete", |states| {
            guests.iter().all(|guest| states.get(guest).is_some_and(Record::is_complete))
        })
        .await
    }

    /// Waits until something happened that matches.
    pub(crate) async fn until_told(&self, what: &str, is_it: impl Fn(&Event) -> bool) -> Event {
        let follow = async {
            let mut tail = self.tail(From::Beginning).await;
            loop {
                if let Told::Event { event, .. } = tail.next().await
                    && is_it(&event)
                {
                    return *event;
                }
            }
        };
        tokio::time::timeout(PATIENCE, follow).await.unwrap_or_else(|_| panic!("never: {what}"))
    }

    /// Waits until the ledger of the host is so.
    pub(crate) async fn until_ledger(&self, what: &str, is_so: impl Fn(&[Entry]) -> bool) {
        self.poll(what, || is_so(&self.host.ledger())).await;
    }

    /// Waits until it is so; for what nobody tells.
    pub(crate) async fn poll(&self, what: &str, is_so: impl Fn() -> bool) {
        let wait = async {
            while !is_so() {
                tokio::time::sleep(POLL).await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "in vain waited until {what}");
    }

    /// Fails where the log is not whole.
    pub(crate) async fn assert_log_is_whole(&self) {
        assert_whole(&self.bus).await;
    }

    /// Fails unless every effect was made once, and every state is the fold of its history.
    pub(crate) async fn assert_all_is_well(&self) {
        self.host.assert_nothing_twice();
        self.assert_log_is_whole().await;
    }
}

/// Fails where the log is not whole: the state in each event is what the facts so far make.
pub(crate) async fn assert_whole(bus: &Bus) {
    for guest in bus.states().await.unwrap().into_keys() {
        let mut state: Option<Record> = None;
        for (seq, event) in bus.history(guest).await.unwrap() {
            let after = Record::after(state.as_ref(), guest, &event.fact);
            let told = event.fact.kind();
            assert_eq!(after.as_ref(), Some(&event.state), "{guest} at {seq}: {told}");
            state = after;
        }
    }
}

/// Returns settings of a host on which nothing takes long.
pub(crate) fn quick() -> Settings {
    Settings { latency_ms: 2, latencies_ms: BTreeMap::new(), ..Settings::default() }
}

/// Returns what 950 of the quickstart stands on, and itself, foundations first.
pub(crate) fn quickstart(named: u64) -> Vec<GuestSpec> {
    let library = Library::built_in().unwrap();
    let folder = Folder::new(repository("examples/quickstart"));
    let loaded = load(&Input { folder: &folder, inventory: None, library: &library });
    let fleet = loaded.fleet.expect("the quickstart is without fault");
    let order = fleet.order(Verb::Create, &[Vmid::try_from(named).unwrap()]).unwrap();
    order.into_iter().cloned().collect()
}

/// Names a container.
pub(crate) fn lxc(vmid: u64) -> GuestKey {
    GuestKey { kind: Kind::Container, vmid: Vmid::try_from(vmid).unwrap() }
}

pub(crate) fn teller() -> Teller {
    Teller { source: "//tests/phoenix/submit".to_owned(), traceparent: None, clock: Utc::now }
}

/// Returns the states as a person reads them.
pub(crate) fn text(states: &States) -> String {
    let line = |(guest, state): (&GuestKey, &Record)| {
        format!("\n{guest}: {:?}, failure {:?}", state.work.standing, state.work.failure)
    };
    states.iter().map(line).collect()
}

fn desired(spec: &GuestSpec, before: Option<&Record>) -> Desired {
    Desired {
        revision: before.map_or(1, |record| record.desired.revision + 1),
        run: "r-0001".parse::<RunId>().unwrap(),
        host: "pve1".parse().unwrap(),
        class: Class::of(&spec.gpus),
        cause: Cause::Submitted,
        digest: SpecDigest::of(spec),
        stands_on: spec.stands_on().map(|vmid| GuestKey { kind: Kind::Container, vmid }).collect(),
        by: "kim".to_owned(),
        cancelled: false,
        trusts_log: false,
        goal: phoenix_domain::Goal::Present,
        safety: None,
        after: Vec::new(),
        tried: std::collections::BTreeMap::new(),
        spec: SpecText::of(spec).unwrap(),
    }
}
