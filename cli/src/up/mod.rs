//! `phoenix up`: everything on one machine, in the foreground, until Ctrl-C.
//!
//! nats-server and the worker are processes of their own, so that each may be killed and is started
//! again; what they had accepted is on disk.

mod child;
mod error;
mod nats;

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};
use tokio_util::sync::CancellationToken;

use self::child::{Child, Program};
use self::error::UpError;
use self::nats::Nats;

/// Where everybody looks for NATS.
const USUAL_PORT: u16 = 4222;
/// How long to wait before something that ended by itself is started again.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the worker has for the changes in hand.
const WORKER_GRACE: Duration = Duration::from_mins(5);
/// How long nats-server has to close its files.
const NATS_GRACE: Duration = Duration::from_secs(20);

/// Runs NATS and a worker here.
#[derive(Debug, Args)]
pub(crate) struct Up {
    /// The kind of host the guests live on
    #[arg(long, value_enum, default_value_t = Host::Simulated, value_name = "KIND")]
    host: Host,
    /// The name of this host, as guests name it; else the machine's own
    #[arg(long, env = "PHOENIX_NODE", value_name = "NAME")]
    node: Option<String>,
    /// Where everything is kept
    #[arg(long, env = "PHOENIX_DATA_DIR", default_value = "phoenix-data", value_name = "DIR", value_hint = ValueHint::DirPath)]
    data: PathBuf,
    /// How long the changes of a simulated host take, where it is made anew
    #[arg(long, value_enum, default_value_t = Pace::Natural, value_name = "PACE")]
    sim_pace: Pace,
    /// A folder with features, for real containers
    #[arg(long, default_value = "/usr/share/phoenix/features", value_name = "DIR", value_hint = ValueHint::DirPath)]
    features: PathBuf,
    /// A folder with application scripts, for real containers
    #[arg(long, default_value = "/etc/phoenix/scripts", value_name = "DIR", value_hint = ValueHint::DirPath)]
    scripts: PathBuf,
    /// The network namespace that bridges are in, where it is not the machine's own
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    netns: Option<PathBuf>,
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
        let mut hands = self.worker(&nats, &data)?;
        // For programs: where to connect to.
        let address = data.join("nats.url");
        std::fs::write(&address, nats.url())
            .map_err(|err| UpError::Folder { path: address, err })?;
        self.greet(&nats, &hands);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                ended = hands.ended() => {
                    say(&format!("{ended}; it is started again and goes on where it stood"));
                    tokio::time::sleep(PAUSE).await;
                    hands = self.worker(&nats, &data)?;
                    say(&format!("the worker is process {}", hands.pid()));
                }
                ended = nats.child.ended() => {
                    say(&format!("{ended}; it is started again with all it had accepted"));
                    tokio::time::sleep(PAUSE).await;
                    nats.restart().await?;
                }
            }
        }
        say("\nending: the changes in hand are finished first; what is left goes on next time");
        hands.end(WORKER_GRACE).await;
        nats.child.end(NATS_GRACE).await;
        Ok(())
    }

    fn worker(&self, nats: &Nats, data: &Path) -> Result<Child, UpError> {
        let mut worker = Program::this()?
            .arg("worker")
            .args(["--host", self.host.word(), "--node", &self.node()])
            .args(["--nats-url", &nats.url(), "--nats-monitor", nats.monitor()])
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
                .arg("--features")
                .arg(&self.features)
                .arg("--scripts")
                .arg(&self.scripts)
                .args(
                    self.netns.iter().flat_map(|netns| [OsStr::new("--netns"), netns.as_os_str()]),
                ),
        };
        Child::start("the worker", &worker)
    }

    fn greet(&self, nats: &Nats, worker: &Child) {
        let (data, url) = (self.data.display(), nats.url());
        let flag = match nats.port() {
            USUAL_PORT => String::new(),
            _ => format!(" --nats-url {url}"),
        };
        let what = match self.host {
            Host::Simulated => {
                format!("SIMULATION: the guests are files in {data}/sim, and no host is touched")
            }
            Host::Lxc => format!(
                "containers are real, and kept in {data}/state/lxc; they run on when this ends.\n\
                 Archives they are made of belong in {data}/state/lxc/templates"
            ),
        };
        say(&format!(
            "{what}\n\
             NATS       {url}   process {}, every write on disk before it is acknowledged\n\
             worker     host {}   process {}\n\
             monitor    none: health is not watched in this version\n\n\
             Now, in another terminal:\n  \
             phoenix submit 950 --config DIR{flag}    make guest 950 and all it stands on\n  \
             phoenix status{flag}    how things stand\n  \
             phoenix watch{flag}    what happens\n  \
             kill -9 {}    see it go on where it stood\n\n\
             Ctrl-C ends all of it.",
            nats.child.pid(),
            self.node(),
            worker.pid(),
            worker.pid(),
        ));
    }

    fn node(&self) -> String {
        self.node.clone().unwrap_or_else(|| {
            let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
            // Without its domain, as Proxmox names nodes.
            name.trim()
                .split('.')
                .next()
                .filter(|name| !name.is_empty())
                .unwrap_or("pve1")
                .to_owned()
        })
    }
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

/// Takes the folder for this process alone: two servers on one store destroy it.
fn alone(data: &Path) -> Result<File, UpError> {
    let path = data.join("up.lock");
    let mut options = File::options();
    let file = options.create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|err| UpError::Folder { path, err })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => Err(UpError::FolderTaken { path: data.to_owned() }),
    }
}

/// Says something to the person in front.
fn say(text: &str) {
    // Where nobody listens any more, there is nobody to tell.
    drop(writeln!(std::io::stderr(), "{text}"));
}
