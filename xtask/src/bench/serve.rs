//! `cargo xtask bench serve`: webhooks and watchers, beside a server that only stores.

use anyhow::Result;
use clap::Args;

use crate::workspace::Workspace;

use super::Measures;
use super::rows::Rows;
use super::speed::Speed;

#[derive(Args)]
pub(crate) struct Serve {
    /// A tenth of the deliveries
    #[arg(long)]
    pub(super) short: bool,
}

impl Measures for Serve {
    fn name(&self) -> &'static str {
        "serve"
    }

    fn measure(&self, workspace: &Workspace) -> Result<Rows> {
        let words = if self.short { vec!["short".to_owned()] } else { Vec::new() };
        Speed::build(workspace)?.play(workspace, self.name(), &words)
    }
}
