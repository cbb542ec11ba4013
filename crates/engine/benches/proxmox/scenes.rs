//! What is measured: nothing to do, a fleet from nothing, and many clones of one parent.

use std::sync::Arc;
use std::time::Instant;

use phoenix_domain::{GuestSpec, Vmid, VolumeSource};
use phoenix_testkit::pve::ARCHIVE;
use phoenix_testkit::samples::Samples;
use phoenix_testkit::{Builder, guest};
use tokio::task::JoinSet;

use crate::commands::{Commands, Started};
use crate::peers::{self, Calls, Peer};
use crate::site::{Pace, Site};

/// How many guests have nothing to do.
const IDLE: u32 = 100;
/// How often they are walked: one walk is too short for a clock.
const ROUNDS: usize = 20;

/// The scenes, and who plays them beside Phoenix.
pub(crate) struct Scenes {
    pub(crate) is_short: bool,
    pub(crate) peers: Vec<Peer>,
    pub(crate) samples: Samples,
}

/// A task, and the seconds each contender took for it.
struct Row {
    task: &'static str,
    phoenix: f64,
    shell: Option<f64>,
    ansible: Option<f64>,
}

impl Scenes {
    pub(crate) async fn play(&self) {
        for row in [self.nothing_to_do().await, self.fleet().await, self.clones().await] {
            let Row { task, phoenix, shell, ansible } = row;
            let all = [("phoenix", Some(phoenix)), ("shell", shell), ("ansible", ansible)];
            for (who, seconds) in all {
                if let Some(seconds) = seconds {
                    self.samples.note(0, task, who, (seconds, "s"));
                }
            }
        }
        if !self.peers.is_empty() {
            println!(
                "Peers make the calls Phoenix made, one after the other, on a node like its own.\n\
                 Ansible does so with command tasks: its modules for Proxmox need the REST API,\n\
                 which the double does not have."
            );
        }
    }

    /// A hundred guests that are as wanted, eight at a time.
    async fn nothing_to_do(&self) -> Row {
        let site = Site::new(Pace::AtOnce);
        site.arrive(&template()).await;
        let fleet: Vec<_> = (0..IDLE)
            .map(|nth| {
                let wanted = clone_of_template(1000 + u64::from(nth)).features(&["base", "vllm"]);
                built(wanted.volume("data", "/data", 4))
            })
            .collect();
        let wants: Vec<_> = fleet.iter().cloned().map(Arc::new).collect();
        site.arrive_all(&wants).await;
        site.pace(Pace::Natural);
        let mark = site.mark();
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            let changes = site.arrive_all(&wants).await;
            times.push(begun.elapsed().as_secs_f64());
            assert_eq!(changes, 0, "they are as wanted");
        }
        let started = Commands::read(site.since(mark)).0.len();
        times.sort_by(f64::total_cmp);
        let (fastest, slowest) = (times.first().unwrap(), times.last().unwrap());
        let median = times.get(ROUNDS / 2).unwrap();
        println!(
            "{IDLE} guests as wanted: {:.1} ms (median of {ROUNDS}; {:.1} to {:.1}), {started} processes \
             (goal: under 200 ms and 0)",
            1000.0 * median,
            1000.0 * fastest,
            1000.0 * slowest
        );
        let asked = fleet.get(..if self.is_short { 3 } else { 10 }).unwrap();
        let count = f64::from(u32::try_from(asked.len()).unwrap());
        let questions = peers::questions(asked);
        let [shell, ansible] = self.beside(&questions, |_| Arc::clone(&site));
        Row {
            task: "as wanted, per guest",
            phoenix: median / f64::from(IDLE),
            shell: shell.map(|seconds| seconds / count),
            ansible: ansible.map(|seconds| seconds / count),
        }
    }

    /// A fleet like the one of the quick start, from nothing.
    async fn fleet(&self) -> Row {
        let fleet = [
            built(guest(900).archive(ARCHIVE).features(&["base"]).seal("ready")),
            built(guest(901).of(900).features(&["driver"]).seal("ready")),
            built(guest(920).of(901).features(&["python", "vllm"]).seal("ready")),
            built(guest(953).of(900)),
            {
                let served = guest(950).of(920).depends_on(&[953]).features(&["chat", "agent"]);
                built(served.application("app.sh").volume("models", "/models", 100))
            },
        ];
        let site = Site::new(Pace::Natural);

        let wall = all_as_soon_as_possible(&site, &fleet).await;

        let commands = Commands::read(site.since(0));
        let (path, chain) = commands.critical_path(&fleet);
        let chain: Vec<_> = chain.iter().map(Vmid::to_string).collect();
        println!(
            "\nfleet of {} from nothing: {wall:.2} s, critical path {path:.2} s ({}), ratio {:.3} \
             (goal: <= 1.05), {} errors",
            fleet.len(),
            chain.join(" -> "),
            wall / path,
            commands.errors()
        );
        for want in &fleet {
            let own = commands.about(want.vmid);
            println!(
                "     {}: {} starts of pct, {} of lxc-attach, {:.2} s in all",
                want.vmid,
                own.of("pct"),
                own.of("lxc-attach"),
                own.seconds()
            );
        }
        let is_clone_of_first =
            |one: &&Started| one.words.iter().take(2).map(String::as_str).eq(["clone", "900"]);
        let order = commands.0.iter().filter(is_clone_of_first).filter_map(|one| one.guest);
        let order: Vec<_> = order.map(|guest| guest.to_string()).collect();
        println!(
            "     900 was cloned for {}, one after the other; who waits for more should be first",
            order.join(" and then for ")
        );
        let calls = peers::calls(&commands, &fleet);
        // It takes more than a minute for each.
        let [shell, ansible] = if self.is_short {
            [None, None]
        } else {
            self.beside(&calls, |_| Site::new(Pace::Natural))
        };
        Row { task: "fleet from nothing", phoenix: wall, shell, ansible }
    }

    /// Clones of one template, all asked for at once.
    async fn clones(&self) -> Row {
        let count = if self.is_short { 5 } else { 20 };
        let fleet: Vec<_> = (0..count).map(|nth| built(clone_of_template(1000 + nth))).collect();
        let site = with_template().await;
        let mark = site.mark();

        let wall = all_as_soon_as_possible(&site, &fleet).await;

        let commands = Commands::read(site.since(mark));
        let clones =
            commands.0.iter().filter(|one| one.words.first().is_some_and(|word| word == "clone"));
        let copying: f64 = clones.map(Started::seconds).sum();
        println!(
            "\n{count} clones of one template at once: {wall:.2} s, {} starts of pct, {} errors; \
             {copying:.2} s of it are clones,\nwhich Proxmox makes one after the other (it locks the parent)",
            commands.of("pct"),
            commands.errors()
        );
        let calls = peers::calls(&commands, &fleet);
        let mut sites = Vec::new();
        for _ in &self.peers {
            sites.push(with_template().await);
        }
        let [shell, ansible] = self.beside(&calls, |nth| Arc::clone(sites.get(nth).unwrap()));
        let task = if self.is_short { "5 clones of one" } else { "20 clones of one" };
        Row { task, phoenix: wall, shell, ansible }
    }

    /// Has the peers make these calls, each on a node of its own; returns their seconds.
    fn beside(&self, calls: &Calls, node: impl Fn(usize) -> Arc<Site>) -> [Option<f64>; 2] {
        let [mut shell, mut ansible] = [None, None];
        for (nth, peer) in self.peers.iter().enumerate() {
            let site = node(nth);
            let took = peer.make(calls, &site.pve.world, site.pve.dir()).as_secs_f64();
            println!("     {}: {} calls in {took:.2} s", peer.name(), calls.len());
            match peer {
                Peer::Shell => shell = Some(took),
                Peer::Ansible(_) => ansible = Some(took),
            }
        }
        [shell, ansible]
    }
}

/// Walks guests, each as soon as what it stands on is there; returns the seconds until all are.
async fn all_as_soon_as_possible(site: &Arc<Site>, fleet: &[GuestSpec]) -> f64 {
    let own: Vec<_> = fleet.iter().map(|want| want.vmid).collect();
    let begun = Instant::now();
    let mut there = Vec::new();
    let mut waiting: Vec<_> = fleet.iter().cloned().map(Arc::new).collect();
    let mut walks = JoinSet::new();
    loop {
        // What is not among them was there before.
        let is_ready = |want: &mut Arc<GuestSpec>| {
            want.stands_on().all(|below| there.contains(&below) || !own.contains(&below))
        };
        for want in waiting.extract_if(.., is_ready) {
            let site = Arc::clone(site);
            walks.spawn(async move {
                site.arrive(&want).await;
                want.vmid
            });
        }
        let Some(arrived) = walks.join_next().await else { break };
        there.push(arrived.unwrap());
    }
    assert!(waiting.is_empty(), "nobody stands on a guest that never comes");
    begun.elapsed().as_secs_f64()
}

/// Makes a node that has the template, made with no time lost.
async fn with_template() -> Arc<Site> {
    let site = Site::new(Pace::AtOnce);
    site.arrive(&template()).await;
    site.pace(Pace::Natural);
    site
}

fn template() -> GuestSpec {
    built(guest(900).archive(ARCHIVE).template())
}

fn clone_of_template(vmid: u64) -> Builder {
    guest(vmid).of(900).memory(1024).cores(2)
}

/// Gives a guest an interface, and its disks where snapshots can be taken.
fn built(builder: Builder) -> GuestSpec {
    let mut spec = builder.storage("fast").disk(8).nic("vmbr0").build();
    for volume in &mut spec.volumes {
        if let VolumeSource::Storage { storage, .. } = &mut volume.source {
            *storage = "bulk".parse().unwrap();
        }
    }
    spec
}
