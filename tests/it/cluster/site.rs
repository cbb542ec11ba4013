//! The three servers, the two workers, and their fleet.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::ops::Range;
use std::time::Duration;

use chrono::{DateTime, Utc};
use phoenix_bus::{Bus, Server};
use phoenix_domain::Fact;
use phoenix_testkit::host::{Host, Mark, Settings};
use phoenix_testkit::network::{Network, within};
use phoenix_testkit::worker::{Start, Worker};

use super::fleet::{self, HOSTS};
use super::watch::Watch;
use crate::nats::site::{PATIENCE, Site};
use crate::program::{phoenix_started, phoenix_worker};
use crate::survive::site::{assert_whole, lxc, quick};

/// The servers.
pub(super) const SERVERS: [&str; 3] = ["n1", "n2", "n3"];
/// How often it is looked where nobody tells.
const POLL: Duration = Duration::from_millis(50);
/// How many guests are complete before anything goes wrong.
const BEGUN: usize = 30;
/// More than can be under way at once: where so many are complete since, the log has taken something since.
const MORE: usize = 40;

/// A fleet that is being made. What runs ends before what it runs on.
pub(super) struct Cluster {
    watch: Watch,
    /// When it had begun.
    since: DateTime<Utc>,
    bus: Bus,
    _workers: [Worker; 2],
    hosts: [Host; 2],
    servers: Vec<(&'static str, Worker)>,
    site: Site,
    network: Network,
}

impl Cluster {
    /// Starts all, and asks for most of the fleet. It has begun: some guests are complete, most are not.
    pub(super) async fn begun() -> Self {
        let network = Network::of(&SERVERS);
        network.enter();
        let at = |name: &&str| Server {
            name: (*name).to_owned(),
            host: network.address(name),
            port: 4222,
        };
        let addresses: Vec<_> = SERVERS.iter().map(at).collect();
        let site = Site::of(&addresses);
        fleet::write(site.folder.path());
        let start = |name| (name, site.start_of(name).within(&network.netns(name)).go());
        let servers = SERVERS.map(start).into();
        // Whether a server writes to disk is asked on its own machine.
        within(&network.netns(SERVERS[0]), || site.set_up());
        let bus = site.bus("admin").await;
        let leader = leader(&bus).await;
        let settings = Settings { latency_ms: 100, ..quick() };
        let hosts = HOSTS.map(|_| Host::new(&settings));
        // The one is told the leader alone, so that it has a connection to it; of the others it hears from there.
        let leader = addresses.iter().find(|server| server.name == leader).unwrap().url();
        let workers = [(HOSTS[0], &hosts[0], &leader), (HOSTS[1], &hosts[1], &site.url)]
            .map(|(name, host, url)| worker(&site, &network, name, host, url));
        let watch = Watch::begin(&bus).await;
        let mut cluster = Self {
            watch,
            since: Utc::now(),
            bus,
            _workers: workers,
            hosts,
            servers,
            site,
            network,
        };
        cluster.ask(fleet::ALL.start..fleet::LATE.start).await;
        cluster.watch.until_complete(BEGUN).await;
        cluster.since = Utc::now();
        cluster
    }

    /// Returns who leads the log.
    pub(super) async fn leader(&self) -> &'static str {
        let leader = leader(&self.bus).await;
        SERVERS.into_iter().find(|name| *name == leader).unwrap()
    }

    pub(super) fn server(&mut self, name: &str) -> &mut Worker {
        &mut self.servers.iter_mut().find(|(known, _)| *known == name).unwrap().1
    }

    /// Starts a server that was killed.
    pub(super) fn start(&mut self, name: &str) {
        let start = self.site.start_of(name).within(&self.network.netns(name));
        *self.server(name) = start.go();
    }

    /// Takes away all that a server has stored.
    pub(super) fn wipe(&self, name: &str) {
        let config = self.site.config(name);
        let store = config.lines().find_map(|line| line.trim().strip_prefix("store_dir: "));
        std::fs::remove_dir_all(store.unwrap().trim_matches('"')).unwrap();
    }

    pub(super) fn cut_off(&self, name: &str) {
        self.network.cut_off(name);
    }

    pub(super) fn join(&self, name: &str) {
        self.network.join(name);
    }

    /// Asks for the rest of the fleet, while something is wrong, and waits until more is complete than was under
    /// way.
    pub(super) async fn goes_on(&mut self) {
        let before = self.watch.complete();
        self.ask(fleet::LATE).await;
        // Where it took long to be heard, all may be complete by now.
        self.watch.until_complete(before + MORE).await;
    }

    /// Waits until every server has all of every stream.
    pub(super) async fn until_all_have_all(&self) {
        let all = async {
            loop {
                if matches!(self.bus.are_followed_by(SERVERS.len() - 1).await, Ok(true)) {
                    return;
                }
                tokio::time::sleep(POLL).await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, all).await.is_ok(), "not all have all");
    }

    async fn ask(&mut self, guests: Range<u64>) {
        let asked = submit(&self.site, guests);
        tokio::pin!(asked);
        loop {
            tokio::select! {
                () = &mut asked => return,
                () = self.watch.next() => {}
            }
        }
    }

    /// Waits until the whole fleet is complete. Then everything has been done once, and the log has all of it.
    pub(super) async fn assert_all_is_well(mut self, scene: &str) {
        self.watch.until_complete(fleet::guests().len()).await;
        self.until_all_have_all().await;
        tell(scene, self.stall().await);
        assert_eq!(self.bus.dead_letters().await.unwrap().len(), 0);
        assert_whole(&self.bus).await;
        for host in &self.hosts {
            host.assert_nothing_twice();
        }
        let first = self.way(fleet::ALL.start).await;
        assert!(!first.is_empty());
        for guest in fleet::ALL {
            assert_eq!(self.way(guest).await, first, "{guest} went another way");
        }
    }

    /// Returns the longest time in which the log took nothing, since something went wrong until all was complete.
    async fn stall(&self) -> Duration {
        let mut taken = vec![self.since];
        for guest in fleet::guests() {
            taken.extend(self.bus.taken_at(guest).await.unwrap());
        }
        taken.retain(|at| *at >= self.since);
        taken.sort();
        let pauses = taken.iter().zip(taken.iter().skip(1)).map(|(one, next)| *next - *one);
        pauses.max().unwrap().to_std().unwrap()
    }

    /// Returns what was done to a guest, which its log says as well, and nobody did elsewhere.
    async fn way(&self, guest: u64) -> Vec<String> {
        let mut done = Vec::new();
        for (name, host) in HOSTS.iter().zip(&self.hosts) {
            let ledger = host.ledger().into_iter().filter(|entry| entry.guest == lxc(guest));
            let (begun, ended): (Vec<_>, Vec<_>) =
                ledger.partition(|entry| entry.mark == Mark::Begun);
            assert_eq!(begun.len(), ended.len(), "{guest} on {name}");
            if *name == fleet::host(guest) {
                assert!(ended.iter().all(|entry| entry.mark == Mark::Done), "{ended:?}");
                done = ended.into_iter().map(|entry| entry.kind).collect();
            } else {
                assert!(begun.is_empty(), "{guest} is on {name} as well");
            }
        }
        let history = self.bus.history(lxc(guest)).await.unwrap();
        let taken = history.iter().filter_map(|(_, event)| {
            let Fact::StepTaken(taken) = &event.fact else { return None };
            Some(taken.changes.len())
        });
        let said: usize = taken.sum();
        assert_eq!(said, done.len(), "{guest}: the log says {said}, the host {done:?}");
        let told: Vec<_> = history.into_iter().map(|(_, event)| event.id).collect();
        let watched = self.watch.told.get(&lxc(guest));
        assert_eq!(watched, Some(&told), "{guest}: who watched missed something");
        done
    }
}

/// Tells for how long the log took nothing, and notes it for who has asked: a bench compares, a test does not.
fn tell(scene: &str, stall: Duration) {
    let line = format!("{scene}\t{:.1}\n", stall.as_secs_f64());
    drop(std::io::stderr().write_all(line.as_bytes()));
    #[expect(clippy::disallowed_methods, reason = "a test has no main to be handed this by")]
    if let Some(path) = std::env::var_os("PHOENIX_STALLS") {
        let mut notes = OpenOptions::new().create(true).append(true).open(path).unwrap();
        notes.write_all(line.as_bytes()).unwrap();
    }
}

/// Submits guests; where no server can be reached, somebody types it again.
async fn submit(site: &Site, guests: Range<u64>) {
    let guests: Vec<_> = guests.map(|guest| guest.to_string()).collect();
    let by = site.by("submitter");
    let mut words = vec!["submit", "--detach"];
    words.extend(guests.iter().chain(&by).map(String::as_str));
    loop {
        let mut child = phoenix_started(site.folder.path(), &words, &[]);
        while child.try_wait().unwrap().is_none() {
            tokio::time::sleep(POLL).await;
        }
        let ended = child.wait_with_output().unwrap();
        if ended.status.success() {
            return;
        }
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(said.contains("cannot reach NATS"), "whoever is let in is not sent away: {said}");
    }
}

async fn leader(bus: &Bus) -> String {
    let led = async {
        loop {
            if let Ok(Some(leader)) = bus.leader_of_the_log().await {
                return leader;
            }
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(PATIENCE, led).await.unwrap()
}

fn worker(site: &Site, network: &Network, name: &str, host: &Host, url: &str) -> Worker {
    let at = |what: &str| site.folder.path().join(format!("{name}-{what}")).display().to_string();
    let mut by = site.by(&format!("worker-{name}"));
    url.clone_into(by.last_mut().unwrap());
    let by: Vec<_> = by.iter().map(String::as_str).collect();
    Start::new(&phoenix_worker(), &site.folder.path().join(format!("{name}.log")))
        .with(&["--host", "simulated", "--node", name, "--durability", "always"])
        .with(&["--sim-dir", &host.folder().display().to_string(), "--drift-every", "0"])
        .with(&["--run-dir", &at("run"), "--state-dir", &at("state")])
        .with(&by)
        .within(&network.middle())
        .go()
}
