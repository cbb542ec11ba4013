//! `cargo xtask demo`: the shortest way to see what Phoenix does.

use std::path::{self, Path};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::process::{Program, Running};
use crate::say::say;
use crate::tools;
use crate::workspace::{Profile, Workspace};

/// The example fleet, and the guest of it that stands on most.
const FLEET: &str = "examples/quickstart";
const GUEST: &str = "950";
/// The host the fleet's inventory names.
const NODE: &str = "pve1";
/// How long everything may take to come up.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Args)]
pub(crate) struct Demo {
    /// End when everything was shown, with the exit code of what was shown; for CI
    #[arg(long)]
    once: bool,
}

impl Demo {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        let server = path::absolute(tools::NATS_SERVER.ensure(workspace)?)?;
        let phoenix = workspace.phoenix(Profile::Dev)?;
        let data = workspace.target.join("demo");
        if data.exists() {
            fs::remove_dir_all(&data)
                .with_context(|| format!("cannot empty {}", data.display()))?;
        }
        fs::create_dir_all(&data)?;
        Program::new(&phoenix).args(["check", "--config", FLEET]).run()?;

        let pace = if self.once { "instant" } else { "natural" };
        let mut up = Program::new(&phoenix)
            .args(["up", "--host", "simulated", "--node", NODE, "--sim-pace", pace])
            .args(["--port", "0", "--data"])
            .arg(&data)
            .arg("--nats-server")
            .arg(server)
            .start(&workspace.target.join("demo.log"))?;
        let url = address(&data.join("nats.url"), &mut up)?;
        say("\nSIMULATION: the host and its guests are files; NATS and the worker are real.\n");
        for words in [&["submit", GUEST, "--config", FLEET][..], &["status"], &["status", GUEST]] {
            Program::new(&phoenix).args(words).args(["--nats-url", &url]).run()?;
            say("");
        }
        if self.once {
            return Ok(());
        }
        say(next(&phoenix.to_string_lossy(), &url, &data));
        up.wait()
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
  {phoenix} submit 952 8001 --config {FLEET}   Qdrant, and a virtual machine that needs it
  kill -9 the worker (target/demo.log has its PID)         while that runs: it goes on where it stood
  {phoenix} sim break lxc-952 qdrant                       Qdrant is sick (nobody heals it in this version)
  {phoenix} sim fault fail --kind start --times 9          the next starts fail; submit something and see
  {phoenix} dead list                                      what was given up, and why
Ctrl-C ends it."
    )
}
