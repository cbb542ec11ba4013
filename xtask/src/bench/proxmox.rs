//! `cargo xtask bench proxmox`: how fast guests get through a made-up node, beside scripts.

use anyhow::Result;
use clap::Args;

use crate::say::say;
use crate::tools;
use crate::workspace::Workspace;

use super::peers;

#[derive(Args)]
pub(crate) struct Proxmox {
    /// Make five clones instead of twenty, and leave the fleet to Phoenix alone
    #[arg(long)]
    short: bool,
    /// Install ansible-core, and measure it and a shell script in the same run
    #[arg(long)]
    peers: bool,
}

impl Proxmox {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        tools::BUSYBOX.ensure(workspace)?;
        let words = ["bench", "--quiet", "--profile", "release", "--package", "phoenix-engine"];
        let bench = workspace.cargo(&words).args(["--bench", "proxmox", "--"]);
        let mut bench = bench.arg(if self.short { "short" } else { "full" });
        if self.peers {
            bench = bench.arg("shell");
            match peers::ansible(&workspace.target.join("bench/peers")) {
                Ok(program) => bench = bench.arg(format!("ansible={}", program.display())),
                Err(err) => say(format_args!("not run: ansible: {err:#}")),
            }
        }
        bench.run()
    }
}
