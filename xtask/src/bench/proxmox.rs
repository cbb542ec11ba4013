//! `cargo xtask bench proxmox`: how fast guests get through a made-up node, beside scripts.

use anyhow::Result;
use clap::Args;

use crate::tools;
use crate::workspace::Workspace;

use super::rows::Rows;
use super::{Measures, peers, speed};

#[derive(Args)]
pub(crate) struct Proxmox {
    /// Make five clones instead of twenty, and leave the fleet to Phoenix alone
    #[arg(long)]
    pub(super) short: bool,
    /// Install ansible-core, and measure it and a shell script in the same run
    #[arg(long)]
    pub(super) peers: bool,
}

impl Measures for Proxmox {
    fn name(&self) -> &'static str {
        "proxmox"
    }

    fn measure(&self, workspace: &Workspace) -> Result<Rows> {
        tools::BUSYBOX.ensure(workspace)?;
        let mut words = vec![if self.short { "short" } else { "full" }.to_owned()];
        let mut not_run = Vec::new();
        if self.peers {
            words.push("shell".to_owned());
            match peers::ansible(&workspace.target.join("bench/peers")) {
                Ok(program) => words.push(format!("ansible={}", program.display())),
                Err(err) => not_run.push(format!("ansible: {err:#}")),
            }
        }
        let package = ["--package", "phoenix-engine", "--bench", "proxmox"];
        let mut rows =
            speed::bench(workspace, self.name(), &package, |program| program.args(words))?;
        rows.not_run.extend(not_run);
        Ok(rows)
    }
}
