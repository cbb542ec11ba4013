//! `cargo xtask bench serve`: webhooks and watchers, beside a server that only stores.

use std::path;

use anyhow::Result;
use clap::Args;

use crate::tools;
use crate::workspace::Workspace;

#[derive(Args)]
pub(crate) struct Serve {
    /// A tenth of the deliveries
    #[arg(long)]
    short: bool,
}

impl Serve {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        let server = path::absolute(tools::NATS_SERVER.ensure(workspace)?)?;
        let packages = ["--package", "phoenix-worker", "--package", "phoenix"];
        workspace.cargo(&["build", "--quiet", "--release"]).args(packages).run()?;
        let release = path::absolute(workspace.target.join("release"))?;
        let words = ["bench", "--quiet", "--profile", "release", "--package", "phoenix-tests"];
        let bench = workspace.cargo(&words).args(["--bench", "speed", "--", "serve"]).arg(server);
        let bench = bench.arg(release.join("phoenix-worker")).arg(release.join("phoenix"));
        if self.short { bench.arg("short").run() } else { bench.run() }
    }
}
