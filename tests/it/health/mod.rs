//! The health monitor on real processes: what is sick is found and repaired once, whoever is killed. Its
//! clock goes ten times as fast, so that its waits take seconds.

mod again;
mod order;
mod people;

use std::fs;
use std::time::Duration;

use phoenix_bus::{From, MonitorAnswer, MonitorQuestion, Outlook, Told};
use phoenix_domain::health::{Ask, Condition, Ground, Reason, Root};
use phoenix_domain::{Event, EventKind, Goal};
use phoenix_testkit::worker::{Start, Worker};
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Ended, phoenix_monitor, phoenix_with, repository};
use crate::survive::site::{Site, lxc};

/// How long anything is waited for. No promise is about time: this only ends what would never end.
const PATIENCE: Duration = Duration::from_mins(3);
/// How often the monitor is asked how things are: it tells its findings, and not that it has none.
const POLL: Duration = Duration::from_millis(200);

/// A worker on a simulated host, with a web server in 953.
pub(crate) struct Watched {
    pub(crate) site: Site,
    pub(crate) folder: TempDir,
    _worker: Worker,
}

/// What every guest says.
const COMMON: &str = r#""storage_pool": "tank-lxc", "storage_size_gb": 8, "node": "pve1""#;

impl Watched {
    pub(crate) async fn new() -> Self {
        let watched = Self::empty().await;
        watched.write_gateway("");
        watched.submit(&["953"]).await;
        watched
    }

    /// A worker on a simulated host without guests.
    async fn empty() -> Self {
        let site = Site::new().await;
        let folder = TempDir::new().unwrap();
        let host = repository("tests/fixtures/rules/host.json");
        fs::copy(host, folder.path().join("phoenix_hypervisor_config.json")).unwrap();
        let worker = site.worker_with("a", "run", &["--drift-every", "0"]);
        Self { site, folder, _worker: worker }
    }

    /// Writes the files of 953, which says this as well.
    fn write_gateway(&self, more: &str) {
        let of_953 = format!(
            r#""953": {{ "name": "gateway", "clone_from_ctid": "900", "features": ["nginx"], {more} {COMMON} }}"#
        );
        self.write(&of_953);
    }

    /// Writes the files of these guests, and of what they are cloned from.
    fn write(&self, guests: &str) {
        let lxc = format!(
            r#"{{"lxc_configs": {{
  "900": {{ "name": "base", "template": "debian.tar.zst", "template_snapshot_name": "base-snapshot", {COMMON} }},
  {guests}
}}}}"#
        );
        fs::write(self.folder.path().join("phoenix_lxc_configs.json"), lxc).unwrap();
    }

    async fn submit(&self, guests: &[&str]) {
        let args: Vec<_> = ["submit"].iter().chain(guests).copied().collect();
        let submitted = self.phoenix(&args).await;
        assert_eq!(submitted.code, 0, "{submitted:?}");
    }

    fn monitor(&self, name: &str) -> Worker {
        self.monitor_with(name, &[])
    }

    pub(crate) fn monitor_with(&self, name: &str, more: &[&str]) -> Worker {
        Start::new(&phoenix_monitor(), &self.site.folder(&format!("{name}.log")))
            .with(&["--nats-url", &self.site.server.url(), "--clock-speed", "10"])
            .with(more)
            .go()
    }

    pub(crate) async fn phoenix(&self, args: &[&str]) -> Ended {
        let (folder, url) = (self.folder.path().to_owned(), self.site.server.url());
        let features = repository("features").display().to_string();
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let run = move || {
            let args: Vec<_> = args.iter().map(String::as_str).collect();
            let environment =
                [("NATS_URL", &*url), ("USER", "kim"), ("PHOENIX_FEATURES", &*features)];
            phoenix_with(&folder, &args, &environment)
        };
        tokio::task::spawn_blocking(run).await.unwrap()
    }

    /// Does something to the simulated host.
    async fn sim(&self, verb: &[&str]) {
        let dir = self.site.host.folder().display().to_string();
        let args: Vec<_> =
            ["sim", "--sim-dir", &dir].into_iter().chain(verb.iter().copied()).collect();
        let done = self.phoenix(&args).await;
        assert_eq!(done.code, 0, "{done:?}");
    }

    /// Breaks the web server in 953 until this mends it.
    pub(crate) async fn break_it(&self, until: &str) {
        self.sim(&["break", "953", "nginx", "--how", "refuse", "--until", until]).await;
    }

    /// Types this until it ends well: a monitor has to act first.
    pub(crate) async fn until_done(&self, args: &[&str]) {
        let tried = async {
            while self.phoenix(args).await.code != 0 {
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::time::timeout(PATIENCE, tried).await.expect("it is done some time");
    }

    /// Waits until the monitor finds the web server to be like this, and returns who says so.
    pub(crate) async fn until_found(&self, state: &str) -> String {
        let is_so = |told: &Outlook| {
            let probes = told.guests.iter().flat_map(|seen| &seen.probes);
            let mut of_nginx = probes.filter(|(probe, ..)| &*probe.name == "nginx");
            of_nginx.any(|(_, at, _)| at.word() == state)
        };
        self.until(is_so).await.monitor
    }

    /// Waits until things stand like this, as the monitor has it, and returns all of it.
    async fn until(&self, is_so: impl Fn(&Outlook) -> bool) -> Outlook {
        let found = async {
            loop {
                tokio::time::sleep(POLL).await;
                let answer = self.site.bus.ask_monitor(&MonitorQuestion::Health, PATIENCE).await;
                let Ok(MonitorAnswer::Health(told)) = answer else { continue };
                if is_so(&told) {
                    return *told;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("it is so some time")
    }

    /// Waits until something of this kind is said of 953.
    async fn until_said(&self, kind: EventKind) -> Event {
        let mut tail = self.site.bus.tail_guest(lxc(953), From::Beginning).await.unwrap();
        let said = async {
            loop {
                let Told::Event { event, .. } = tail.next().await else { continue };
                let is_repair = matches!(event.state.desired.goal, Goal::Repaired { .. });
                if event.fact.kind() == kind && is_repair {
                    return *event;
                }
            }
        };
        tokio::time::timeout(PATIENCE, said).await.expect("it is said some time")
    }
}

#[tokio::test]
async fn a_service_that_ended_is_started_anew_once_though_the_monitor_is_killed() {
    let watched = Watched::new().await;
    let mut first = watched.monitor("first");
    watched.until_done(&["health", "mode", "on"]).await;
    let who = watched.until_found("healthy").await;
    let _second = watched.monitor("second");

    watched.break_it("service").await;
    watched.until_said(EventKind::RepairRequested).await;
    first.kill();
    watched.until_said(EventKind::Completed).await;
    let mut now = watched.until_found("healthy").await;
    while now == who {
        now = watched.until_found("healthy").await;
    }

    let history = watched.site.bus.history(lxc(953)).await.unwrap();
    let asked =
        history.iter().filter(|(_, event)| event.fact.kind() == EventKind::RepairRequested).count();
    assert_eq!((asked, watched.site.host.begun(lxc(953), "restart-services")), (1, 1));
    let incidents = watched.phoenix(&["incidents", "-o", "json"]).await;
    let incidents: Value = serde_json::from_str(&incidents.out).unwrap();
    let incident = incidents.pointer("/incidents/0/id").and_then(Value::as_str).unwrap();
    let story = watched.phoenix(&["explain", incident]).await;
    assert!(story.out.contains("restarting the service (attempt 1/2)"), "{story:?}");
}

#[tokio::test]
async fn what_is_only_observed_is_told_and_not_repaired() {
    let watched = Watched::new().await;
    let _monitor = watched.monitor("only");
    watched.until_found("healthy").await;

    watched.break_it("service").await;
    watched.until_found("failed").await;
    let explained = watched.phoenix(&["explain", "953"]).await;
    assert!(explained.out.contains("not well since "), "{explained:?}");
    assert!(explained.out.contains("what does not serve:\n  nginx is failed ("), "{explained:?}");
    assert!(explained.out.contains("(GET http://"), "{explained:?}");
    // An incident is opened once it is clear that nobody else fails with it.
    let told = async {
        while watched.site.bus.incidents().await.unwrap().is_empty() {
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("it is told some time");

    assert_eq!(watched.site.host.begun(lxc(953), "restart-services"), 0);
    let looked = watched.phoenix(&["health", "953"]).await;
    assert_eq!(looked.code, 2, "{looked:?}");
    assert!(looked.err.contains("the mode is observe"), "{looked:?}");
    assert!(looked.out.contains("\n953 gateway: nginx is failed ("), "{looked:?}");
}

#[tokio::test]
async fn who_asks_where_no_monitor_is_hears_which_to_start() {
    let watched = Watched::new().await;

    let ended = watched.phoenix(&["health"]).await;

    assert_eq!(ended.code, 7, "{ended:?}");
    assert!(ended.err.contains("start one: `phoenix-health-monitor`"), "{ended:?}");
}

#[tokio::test]
async fn a_bridge_that_breaks_under_five_guests_is_one_incident_without_repairs_and_ends_with_it() {
    let watched = Watched::empty().await;
    let vmids = ["951", "952", "953", "954", "955"];
    let guest = |vmid: &&str| {
        let network = format!(
            r#""network_config": {{ "bridge": "vmbr0", "ip": "10.0.0.{}/24" }}"#,
            &vmid[1..]
        );
        format!(
            r#""{vmid}": {{ "name": "web-{vmid}", "clone_from_ctid": "900", "features": ["nginx"], {network}, {COMMON} }}"#
        )
    };
    watched.write(&vmids.iter().map(guest).collect::<Vec<_>>().join(",\n  "));
    watched.submit(&vmids).await;
    // At its usual pace, by which hosts are heard of before their guests are judged.
    let _monitor = Start::new(&phoenix_monitor(), &watched.site.folder("only.log"))
        .with(&["--nats-url", &watched.site.server.url()])
        .go();
    watched.until_done(&["health", "mode", "on"]).await;
    let webs = |told: &Outlook, is: &dyn Fn(Condition) -> bool| {
        let probes = told.guests.iter().flat_map(|seen| &seen.probes);
        let webs = probes.filter(|(probe, ..)| matches!(probe.ask, Ask::Nginx { .. }));
        webs.filter(|(_, at, _)| is(*at)).count()
    };
    watched.until(|told| webs(told, &|at| at == Condition::Healthy) == 5).await;

    watched.sim(&["break", "--bridge", "vmbr0"]).await;
    let shaded = Condition::Unknown(Reason::Foundation);
    let bad = watched
        .until(|told| webs(told, &|at| at == shaded) == 5 && !told.incidents.is_empty())
        .await;

    let [incident] = bad.incidents.as_slice() else { panic!("{:?}", bad.incidents) };
    let bridge = Ground::Bridge("pve1".parse().unwrap(), "vmbr0".parse().unwrap());
    assert_eq!(incident.root, Root::Ground(bridge));
    assert!(bad.breaker.is_none(), "{:?}", bad.breaker);

    watched.sim(&["mend", "--bridge", "vmbr0"]).await;
    let well = |told: &Outlook| {
        told.incidents.is_empty() && webs(told, &|at| at == Condition::Healthy) == 5
    };
    watched.until(well).await;

    let all = watched.phoenix(&["incidents", "--all", "-o", "json"]).await;
    let all: Value = serde_json::from_str(&all.out).unwrap();
    let all = all["incidents"].as_array().unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0]["id"], incident.id.as_str());
    for vmid in [951, 952, 953, 954, 955] {
        let history = watched.site.bus.history(lxc(vmid)).await.unwrap();
        let asked =
            history.iter().filter(|(_, event)| event.fact.kind() == EventKind::RepairRequested);
        assert_eq!(asked.count(), 0, "{vmid}");
    }
}

#[tokio::test]
async fn a_probe_that_a_file_adds_is_asked_and_changes_nothing_on_the_host() {
    let watched = Watched::new().await;
    let _monitor = watched.monitor("only");
    watched.until_found("healthy").await;
    let before = watched.site.host.ledger().len();

    let page = r#""probes": [{ "type": "nginx", "name": "page", "path": "/" }, { "type": "nginx", "off": true }],"#;
    watched.write_gateway(page);
    watched.submit(&["953"]).await;

    let is_asked = |told: &Outlook| {
        let seen = told.guests.iter().find(|seen| seen.guest == lxc(953));
        let probes = seen.into_iter().flat_map(|seen| &seen.probes);
        let named: Vec<_> = probes.map(|(probe, at, _)| (&*probe.name, *at)).collect();
        matches!(named.as_slice(), [("inside", _), ("page", Condition::Healthy)])
    };
    watched.until(is_asked).await;
    assert_eq!(watched.site.host.ledger().len(), before, "nothing was done");
    let history = watched.site.bus.history(lxc(953)).await.unwrap();
    let (_, last) = history.last().unwrap();
    assert_eq!((last.fact.kind(), last.state.desired.revision), (EventKind::Completed, 2));
}

#[tokio::test]
async fn a_service_that_nobody_can_find_does_not_pass_for_well() {
    let watched = Watched::empty().await;
    // Without a network it has no address, and nothing on a simulated host answers for this port.
    watched.write_gateway(r#""probes": [{ "type": "tcp", "port": 2222 }],"#);
    watched.submit(&["953"]).await;

    let _monitor = watched.monitor("only");

    let is_out_of_reach = |told: &Outlook| {
        let mut probes = told.guests.iter().flat_map(|seen| &seen.probes);
        let unreachable = Condition::Unknown(Reason::Unreachable);
        probes.any(|(probe, at, _)| &*probe.name == "tcp" && *at == unreachable)
    };
    watched.until(is_out_of_reach).await;
}
