//! `cargo xtask bench health`: what the health monitor finds, and what it costs.

use std::path;

use anyhow::Result;
use clap::Args;

use crate::servers;
use crate::workspace::Workspace;

use super::Measures;
use super::rows::Rows;
use super::speed;

#[derive(Args)]
pub(crate) struct Health {
    /// Ask ten thousand endpoints every ten seconds, and as fast as it goes, instead of playing every
    /// fault there is
    #[arg(long)]
    pub(super) speed: bool,
    /// Unpack prometheus-blackbox-exporter and monit, and measure them in the same run
    #[arg(long, requires = "speed")]
    pub(super) peers: bool,
    /// How many endpoints
    #[arg(long, value_name = "N", default_value_t = 10_000, requires = "speed")]
    pub(super) endpoints: u32,
}

impl Measures for Health {
    fn name(&self) -> &'static str {
        "health"
    }

    fn measure(&self, workspace: &Workspace) -> Result<Rows> {
        let name = if self.speed { "speed" } else { "faults" };
        let package = ["--package", "phoenix-health-monitor", "--bench", name];
        if !self.speed {
            return speed::bench(workspace, self.name(), &package, |program| program);
        }
        let peers =
            if self.peers { Some(path::absolute(servers::for_benches(workspace)?)?) } else { None };
        speed::bench(workspace, self.name(), &package, |program| {
            let program = program.arg(format!("endpoints={}", self.endpoints));
            match peers {
                Some(peers) => program.arg(format!("peers={}", peers.display())),
                None => program,
            }
        })
    }
}
