//! `cargo xtask bench health`: what the health monitor costs.

use std::path;

use anyhow::{Result, bail};
use clap::Args;

use crate::servers;
use crate::workspace::Workspace;

#[derive(Args)]
pub(crate) struct Health {
    /// Ask ten thousand endpoints every ten seconds, and as fast as it goes
    #[arg(long)]
    speed: bool,
    /// Unpack prometheus-blackbox-exporter and monit, and measure them in the same run
    #[arg(long)]
    peers: bool,
    /// How many endpoints
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    endpoints: u32,
}

impl Health {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        if !self.speed {
            bail!("there is nothing else to measure yet; say `--speed`");
        }
        let words = ["bench", "--quiet", "--package", "phoenix-health-monitor"];
        let bench = workspace.cargo(&words).args(["--bench", "speed", "--"]);
        let bench = bench.arg(format!("endpoints={}", self.endpoints));
        if !self.peers {
            return bench.run();
        }
        let peers = path::absolute(servers::for_benches(workspace)?)?;
        bench.arg(format!("peers={}", peers.display())).run()
    }
}
