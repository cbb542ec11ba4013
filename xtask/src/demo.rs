//! `cargo xtask demo`: the shortest way to see what Phoenix does.

use std::path::{self, Path};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};

use crate::debian;
use crate::process::{Program, Running};
use crate::say::say;
use crate::tools;
use crate::workspace::{Profile, Workspace};

/// How long everything may take to come up.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long the guests may take, wherever their packages come from.
const LONGEST: &str = "15m";
/// The node that the inventory of the simulated fleet names.
const NODE: &str = "pve1";

#[derive(Args)]
pub(crate) struct Demo {
    /// End when everything was shown, with the exit code of what was shown; for CI
    #[arg(long)]
    once: bool,
    /// What the guests are; else real containers where this machine can have them
    #[arg(long, value_enum, value_name = "KIND")]
    host: Option<Host>,
}

/// What the guests of a demonstration are.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Host {
    /// Files
    Simulated,
    /// Real containers
    Lxc,
}

impl Host {
    /// The example fleet.
    fn fleet(self) -> &'static str {
        match self {
            Self::Simulated => "examples/quickstart",
            Self::Lxc => "examples/containers",
        }
    }

    /// The guest of it that stands on most.
    fn guest(self) -> &'static str {
        match self {
            Self::Simulated => "950",
            Self::Lxc => "953",
        }
    }

    fn says(self) -> &'static str {
        match self {
            Self::Simulated => {
                "\nSIMULATION: the host and its guests are files; NATS and the worker are real.\n"
            }
            Self::Lxc => {
                "\nREAL CONTAINERS, by plain LXC, in a network of their own. Debian's packages are \
                 installed in them: this takes a minute or two.\n"
            }
        }
    }
}

impl Demo {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        let server = path::absolute(tools::NATS_SERVER.ensure(workspace)?)?;
        let phoenix = workspace.phoenix(Profile::Dev)?;
        let host = self
            .host
            .unwrap_or_else(|| if debian::is_root() { Host::Lxc } else { Host::Simulated });
        let data = path::absolute(workspace.target.join("demo"))?;
        Program::new(&phoenix).args(["check", "--config", host.fleet()]).run()?;
        let log = workspace.target.join("demo.log");
        let up = Program::new(&phoenix).args(["up", "--node", NODE, "--port", "0"]);
        let up = match host {
            Host::Simulated => {
                let pace = if self.once { "instant" } else { "natural" };
                empty(&data)?;
                up.args(["--host", "simulated", "--sim-pace", pace])
            }
            Host::Lxc => {
                let archive = debian::archive(workspace)?;
                end_containers(&data);
                empty(&data)?;
                let templates = data.join("state/lxc/templates");
                fs::create_dir_all(&templates)?;
                fs::copy(archive, templates.join("debian-bookworm.tar.zst"))?;
                up.args(["--host", "lxc", "--network", "vmbr0=192.168.60.1/24"])
                    .args(["--features", "features"])
            }
        };
        let mut up = up.arg("--data").arg(&data).arg("--nats-server").arg(server).start(&log)?;
        let url = address(&data.join("nats.url"), &mut up)?;
        say(host.says());
        let (fleet, guest) = (host.fleet(), host.guest());
        let submit = ["submit", guest, "--config", fleet, "--timeout", LONGEST];
        for words in [&submit[..], &["status"], &["status", guest]] {
            let shown = Program::new(&phoenix).args(words).args(["--nats-url", &url]).run();
            shown.with_context(|| fs::read_to_string(&log).unwrap_or_default())?;
            say("");
        }
        if self.once {
            drop(up);
            end_containers(&data);
            return Ok(());
        }
        match host {
            Host::Simulated => say(next(&phoenix.to_string_lossy(), &url, &data)),
            Host::Lxc => say(next_real(&phoenix.to_string_lossy(), &url, &data)),
        }
        up.wait()
    }
}

/// Makes an empty folder.
fn empty(data: &Path) -> Result<()> {
    if data.exists() {
        fs::remove_dir_all(data).with_context(|| format!("cannot empty {}", data.display()))?;
    }
    Ok(fs::create_dir_all(data)?)
}

/// Ends the containers of an earlier demonstration: they run on when everything else ends.
fn end_containers(data: &Path) {
    let guests = data.join("state/lxc/guests");
    let netns = fs::read_to_string(data.join("netns")).unwrap_or_default();
    for guest in fs::read_dir(&guests).into_iter().flatten().filter_map(Result::ok) {
        // One that does not run is as good.
        let _ended = Program::new("nsenter")
            .arg(format!("--net={}", netns.trim()))
            .args(["lxc-stop", "-k", "-P"])
            .arg(&guests)
            .arg("-n")
            .arg(guest.file_name())
            .ask();
    }
    if let Some(name) = Path::new(netns.trim()).file_name() {
        let _gone = Program::new("ip").args(["netns", "delete"]).arg(name).ask();
    }
}

fn address(file: &Path, up: &mut Running) -> Result<String> {
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        match fs::read_to_string(file) {
            Ok(url) if !url.is_empty() => return Ok(url),
            Ok(_) | Err(_) => up.check()?,
        }
        thread::sleep(Duration::from_millis(20));
    }
    bail!("NATS and the worker did not come up; target/demo.log says more")
}

/// What to try next: something to watch, something to kill, something to break.
fn next(phoenix: &str, url: &str, data: &Path) -> String {
    let sim = data.join("sim");
    let sim = sim.display();
    format!(
        "It goes on running. In another terminal, in this folder:
  export NATS_URL={url} PHOENIX_SIM_DIR={sim}
  {phoenix} watch                                          what happens, as it happens
  {phoenix} submit 952 8001 --config examples/quickstart   Qdrant, and a virtual machine that needs it
  kill -9 the worker (target/demo.log has its PID)         while that runs: it goes on where it stood
  {phoenix} sim break lxc-952 qdrant                       Qdrant is sick (nobody heals it in this version)
  {phoenix} sim fault fail --kind start --times 9          the next starts fail; submit something and see
  {phoenix} dead list                                      what was given up, and why
Ctrl-C ends it."
    )
}

/// What to try next with real containers.
fn next_real(phoenix: &str, url: &str, data: &Path) -> String {
    let netns = fs::read_to_string(data.join("netns")).unwrap_or_default();
    let netns = netns.trim();
    format!(
        "It goes on running. In another terminal, as root, in this folder:
  export NATS_URL={url}
  nsenter --net={netns} curl -I http://192.168.60.53      the web server, from this machine
  {phoenix} watch                                          what happens, as it happens
  kill -9 the worker (target/demo.log has its PID)         it goes on where it stood
  {phoenix} plan 952 --config examples/containers          nothing to do
  {phoenix} delete 952 953                                 the volume of 952 stays; submit 952 again finds it
Ctrl-C ends everything but the containers; the next demonstration clears them away."
    )
}
