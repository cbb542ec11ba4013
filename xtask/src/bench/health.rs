//! `cargo xtask bench health`: what the health monitor finds, and what it costs.

use std::path;

use anyhow::Result;
use clap::Args;

use crate::servers;
use crate::workspace::Workspace;

#[derive(Args)]
pub(crate) struct Health {
    /// Ask ten thousand endpoints every ten seconds, and as fast as it goes, instead of playing every
    /// fault there is
    #[arg(long)]
    speed: bool,
    /// Unpack prometheus-blackbox-exporter and monit, and measure them in the same run
    #[arg(long, requires = "speed")]
    peers: bool,
    /// How many endpoints
    #[arg(long, value_name = "N", default_value_t = 10_000, requires = "speed")]
    endpoints: u32,
}

impl Health {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        let words = ["bench", "--quiet", "--package", "phoenix-health-monitor"];
        if !self.speed {
            return workspace.cargo(&words).args(["--bench", "faults"]).run();
        }
        let bench = workspace.cargo(&words).args(["--bench", "speed", "--"]);
        let bench = bench.arg(format!("endpoints={}", self.endpoints));
        if !self.peers {
            return bench.run();
        }
        let peers = path::absolute(servers::for_benches(workspace)?)?;
        bench.arg(format!("peers={}", peers.display())).run()
    }
}
