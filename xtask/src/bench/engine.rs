//! `cargo xtask bench engine`: how fast guests get through, beside the bare server.

use anyhow::Result;
use clap::Args;

use crate::workspace::Workspace;

use super::rows::Rows;
use super::speed::Speed;
use super::{Measures, engines};

#[derive(Args)]
pub(crate) struct Engine {
    /// Leave out what takes longer than a minute
    #[arg(long)]
    pub(super) short: bool,
    /// How often each is measured
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(super) rounds: u32,
    /// Install engines of others with what they store in, and measure them in the same run
    #[arg(long)]
    pub(super) peers: bool,
}

impl Measures for Engine {
    fn name(&self) -> &'static str {
        "engine"
    }

    fn measure(&self, workspace: &Workspace) -> Result<Rows> {
        let speed = Speed::build(workspace)?;
        let mut words = vec![format!("rounds={}", self.rounds)];
        words.extend(self.short.then(|| "short".to_owned()));
        let mut not_run = Vec::new();
        if self.peers {
            for (name, installed) in engines::install(workspace) {
                match installed {
                    Ok(more) => words.extend(more),
                    Err(err) => not_run.push(format!("{name}: {err:#}")),
                }
            }
        }
        let mut rows = speed.play(workspace, self.name(), &words)?;
        rows.not_run.extend(not_run);
        Ok(rows)
    }
}
