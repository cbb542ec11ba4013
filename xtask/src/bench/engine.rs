//! `cargo xtask bench engine`: how fast guests get through, beside the bare server.

use std::path;

use anyhow::Result;
use clap::Args;

use crate::tools;
use crate::workspace::Workspace;

#[derive(Args)]
pub(crate) struct Engine {
    /// Leave out what takes longer than a minute
    #[arg(long)]
    short: bool,
}

impl Engine {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        let server = path::absolute(tools::NATS_SERVER.ensure(workspace)?)?;
        workspace.cargo(&["build", "--quiet", "--package", "phoenix-worker", "--release"]).run()?;
        let worker = path::absolute(workspace.target.join("release/phoenix-worker"))?;
        let words = ["bench", "--quiet", "--profile", "release", "--package", "phoenix-tests"];
        let bench = workspace.cargo(&words).args(["--bench", "speed", "--", "engine"]);
        let bench = bench.arg(server).arg(worker);
        if self.short { bench.arg("short").run() } else { bench.run() }
    }
}
