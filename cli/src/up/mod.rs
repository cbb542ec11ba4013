//! `phoenix up`: everything on one machine, in the foreground, until Ctrl-C.
//!
//! nats-server, the worker and the health monitor are processes of their own, so that each may be killed
//! and is started again; what they had accepted is on disk.

mod child;
mod error;
mod nats;

use std::ffi::OsStr;
use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};
use phoenix_domain::{NodeName, Refused};
use phoenix_lab::{Bridge, Network, Reach};
use tokio_util::sync::CancellationToken;

use self::child::{Child, Program};
use self::error::UpError;
use self::nats::Nats;
use crate::say;

/// Where everybody looks for NATS.
const USUAL_PORT: u16 = 4222;
/// How long to wait before something that ended by itself is started again.
const PAUSE: Duration = Duration::from_secs(1);
/// The file in which the worker says that it takes work.
const READY: &str = "worker.ready";
/// How long to wait for that before people are told to go on.
const WORKER_PATIENCE: Duration = Duration::from_secs(30);
/// How long the worker has for the changes in hand.
const WORKER_GRACE: Duration = Duration::from_mins(5);
/// How long the monitor has to give back what another one would wait for.
const MONITOR_GRACE: Duration = Duration::from_secs(10);
/// How long nats-server has to close its files.
const NATS_GRACE: Duration = Duration::from_secs(20);

/// Runs NATS, a worker and a health monitor here.
#[derive(Debug, Args)]
pub(crate) struct Up {
    /// The kind of host the guests live on
    #[arg(long, value_enum, default_value_t = Host::Simulated, value_name = "KIND")]
    host: Host,
    /// The name of this host, as guests name it; else the machine's own
    #[arg(long, env = "PHOENIX_NODE", value_name = "NAME", value_parser = node)]
    node: Option<NodeName>,
    /// Where everything is kept
    #[arg(long, env = "PHOENIX_DATA_DIR", default_value = "phoenix-data", value_name = "DIR", value_hint = ValueHint::DirPath)]
    data: PathBuf,
    /// How long the changes of a simulated host take, where it is made anew
    #[arg(long, value_enum, default_value_t = Pace::Natural, value_name = "PACE")]
    sim_pace: Pace,
    /// A folder with features, for real containers. May be given again, the first that has one wins
    #[arg(long, default_value = "/usr/share/phoenix/features", value_name = "DIR", value_hint = ValueHint::DirPath)]
    features: Vec<PathBuf>,
    /// A folder with application scripts, for real containers
    #[arg(long, default_value = "/etc/phoenix/scripts", value_name = "DIR", value_hint = ValueHint::DirPath)]
    scripts: PathBuf,
    /// A folder with the scripts of tests, for real containers
    #[arg(long, default_value = "/etc/phoenix/tests", value_name = "DIR", value_hint = ValueHint::DirPath)]
    tests: PathBuf,
    /// Make a network for real containers, apart from this machine's own: the bridge that guests
    /// name, and its address, as in `vmbr0=192.168.60.1/24`
    #[arg(long, value_name = "BRIDGE=ADDRESS/PREFIX")]
    network: Option<Bridge>,
    /// The port NATS listens on, on this machine only; 0 takes a free one
    #[arg(long, default_value_t = USUAL_PORT, value_name = "PORT")]
    port: u16,
    /// The nats-server program, 2.10.23 or newer
    #[arg(long, env = "PHOENIX_NATS_SERVER", default_value = "nats-server", value_name = "FILE", value_hint = ValueHint::ExecutablePath)]
    nats_server: PathBuf,
}

/// The kinds of host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Host {
    /// A simulation on disk: no guest is real
    Simulated,
    /// This machine: real containers by plain LXC, as root
    Lxc,
}

/// How long the changes of a simulated host take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Pace {
    /// Seconds, so that they can be watched
    Natural,
    /// As little as possible
    Instant,
}

impl Up {
    pub(crate) fn run(&self) -> ExitCode {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let ended = runtime.map_err(UpError::NotStarted).and_then(|runtime| {
            runtime.block_on(async {
                let (shutdown, signals) =
                    phoenix_service::on_signal().map_err(UpError::NotStarted)?;
                let signals = tokio::spawn(signals);
                let ended = self.stay(&shutdown).await;
                signals.abort();
                ended
            })
        });
        match ended {
            Ok(()) => ExitCode::SUCCESS,
            Err(err) => {
                say(&err.text());
                ExitCode::from(err.exit_code())
            }
        }
    }

    async fn stay(&self, shutdown: &CancellationToken) -> Result<(), UpError> {
        let data = self.data.clone();
        let data = std::fs::create_dir_all(&data)
            .and_then(|()| data.canonicalize())
            .map_err(|err| UpError::Folder { path: data, err })?;
        let _alone = alone(&data)?;
        let mut nats = Nats::start(&self.nats_server, &data, self.port).await?;
        let mut network = match &self.network {
            Some(bridge) => {
                Some(Network::make(&network_of(&data), bridge, Reach::Internet, &data)?)
            }
            None => None,
        };
        let netns = network.as_ref().map(|network| network.netns().to_owned());
        if let Some(netns) = &netns {
            let file = data.join("netns");
            std::fs::write(&file, netns.as_os_str().as_encoded_bytes())
                .map_err(|err| UpError::Folder { path: file, err })?;
        }
        let mut hands = self.worker(&nats, &data, netns.as_deref())?;
        come_up(&mut hands, &data.join(READY)).await;
        let mut eyes = Self::monitor(&nats, netns.as_deref())?;
        // For programs: where to connect to.
        let address = data.join("nats.url");
        std::fs::write(&address, nats.url())
            .map_err(|err| UpError::Folder { path: address, err })?;
        self.greet(&nats, &hands, &eyes, netns.as_deref());
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                ended = hands.ended() => {
                    say(&format!("{ended}; it is started again and goes on where it stood"));
                    tokio::time::sleep(PAUSE).await;
                    hands = self.worker(&nats, &data, netns.as_deref())?;
                    say(&format!("the worker is process {}", hands.pid()));
                }
                ended = eyes.ended() => {
                    say(&format!("{ended}; it is started again with what it had found"));
                    tokio::time::sleep(PAUSE).await;
                    eyes = Self::monitor(&nats, netns.as_deref())?;
                }
                ended = nats.child.ended() => {
                    say(&format!("{ended}; it is started again with all it had accepted"));
                    tokio::time::sleep(PAUSE).await;
                    nats.restart().await?;
                }
            }
        }
        say("\nending: the changes in hand are finished first; what is left goes on next time");
        eyes.end(MONITOR_GRACE).await;
        hands.end(WORKER_GRACE).await;
        nats.child.end(NATS_GRACE).await;
        if let Some(network) = &mut network {
            network.end();
        }
        Ok(())
    }

    fn worker(&self, nats: &Nats, data: &Path, netns: Option<&Path>) -> Result<Child, UpError> {
        let mut worker = Program::this()?
            .arg("worker")
            .args(["--host", self.host.word(), "--node", &self.node()])
            .args(["--nats-url", &nats.url(), "--nats-monitor", nats.monitor()])
            .arg("--ready-file")
            .arg(data.join(READY))
            .arg("--run-dir")
            .arg(data.join("run"))
            .arg("--state-dir")
            .arg(data.join("state"));
        worker = match self.host {
            Host::Simulated => worker
                .args(["--sim-pace", self.sim_pace.word()])
                .arg("--sim-dir")
                .arg(data.join("sim")),
            Host::Lxc => worker
                .args(
                    self.features
                        .iter()
                        .flat_map(|one| [OsStr::new("--features"), one.as_os_str()]),
                )
                .arg("--scripts")
                .arg(&self.scripts)
                .arg("--tests")
                .arg(&self.tests)
                .args(netns.iter().flat_map(|netns| [OsStr::new("--netns"), netns.as_os_str()])),
        };
        Child::start("the worker", &worker)
    }

    fn monitor(nats: &Nats, netns: Option<&Path>) -> Result<Child, UpError> {
        let monitor = Program::this()?
            .arg("monitor")
            .args(["--nats-url", &nats.url()])
            .args(netns.iter().flat_map(|netns| [OsStr::new("--netns"), netns.as_os_str()]));
        Child::start("the monitor", &monitor)
    }

    fn greet(&self, nats: &Nats, worker: &Child, monitor: &Child, netns: Option<&Path>) {
        let (data, url) = (self.data.display(), nats.url());
        let flag = match nats.port() {
            USUAL_PORT => String::new(),
            _ => format!(" --nats-url {url}"),
        };
        let what = match self.host {
            Host::Simulated => {
                format!("SIMULATION: the guests are files in {data}/sim, and no host is touched")
            }
            Host::Lxc => {
                let network = netns.map(|netns| {
                    let netns = netns.display();
                    format!(
                        "\nThey have a network of their own; from this machine: nsenter --net={netns} COMMAND"
                    )
                });
                format!(
                    "Containers are real, and kept in {data}/state/lxc; they run on when this ends.\n\
                     Archives they are made of belong in {data}/state/lxc/templates{}",
                    network.unwrap_or_default()
                )
            }
        };
        say(&format!(
            "{what}\n\
             NATS       {url}   process {}, every write on disk before it is acknowledged\n\
             worker     host {}   process {}\n\
             monitor    process {}; it only observes until `phoenix health mode on`\n\n\
             Now, in another terminal:\n  \
             phoenix submit 950 --config DIR{flag}    make guest 950 and all it stands on\n  \
             phoenix status{flag}    how things stand\n  \
             phoenix watch{flag}    what happens\n  \
             phoenix health{flag}    whether it serves\n  \
             kill -9 {}    see it go on where it stood\n\n\
             Ctrl-C ends all of it.",
            nats.child.pid(),
            self.node(),
            worker.pid(),
            monitor.pid(),
            worker.pid(),
        ));
    }

    fn node(&self) -> String {
        if let Some(node) = &self.node {
            return node.to_string();
        }
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        // Without its domain, as Proxmox names nodes.
        name.trim().split('.').next().filter(|name| !name.is_empty()).unwrap_or("pve1").to_owned()
    }
}

fn node(text: &str) -> Result<NodeName, String> {
    text.parse().map_err(|err: Refused| err.rule.to_owned())
}

impl Host {
    fn word(self) -> &'static str {
        match self {
            Self::Simulated => "simulated",
            Self::Lxc => "lxc",
        }
    }
}

impl Pace {
    fn word(self) -> &'static str {
        match self {
            Self::Natural => "natural",
            Self::Instant => "instant",
        }
    }
}

/// Waits until the worker says that it takes work. One that ends before is started again like any
/// other, and says itself why it ended.
async fn come_up(worker: &mut Child, ready: &Path) {
    let pid = worker.pid().to_string();
    let told = async {
        while std::fs::read_to_string(ready).unwrap_or_default() != pid {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        () = told => {}
        _ = worker.ended() => {}
        () = tokio::time::sleep(WORKER_PATIENCE) => {}
    }
}

/// Returns what the network of a data folder is called.
fn network_of(data: &Path) -> String {
    let mut hash = DefaultHasher::new();
    data.hash(&mut hash);
    format!("phoenix-{:08x}", hash.finish() & 0xffff_ffff)
}

/// Takes the folder for this process alone: two servers on one store destroy it.
fn alone(data: &Path) -> Result<File, UpError> {
    let path = data.join("up.lock");
    let mut options = File::options();
    let file = options.create(true).truncate(false).write(true).open(&path);
    let mut file = file.map_err(|err| UpError::Folder { path: path.clone(), err })?;
    if file.try_lock().is_err() {
        let by = std::fs::read_to_string(&path).unwrap_or_default();
        return Err(UpError::FolderTaken { path: data.to_owned(), by: by.trim().to_owned() });
    }
    // For whoever is refused.
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(|err| UpError::Folder { path, err })?;
    Ok(file)
}
